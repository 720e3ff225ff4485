import { memberKeyOf } from "../sandbox/members/member.ts"
import type { Sandbox } from "../sandbox/sandbox.ts"
import type { TrueMember } from "../sandbox/truth.ts"

/** The result of comparing an export with the sandbox's own truth. All but `rows` and `members` should be 0. */
export type ExportReport = {
  readonly rows: number
  /** Members that were in a list, and not archived, throughout the export. */
  readonly members: number
  /** Members of these that are in no row. */
  readonly missing: number
  /** Members of these whose last row is older than their version at the `as_of` of their list. */
  readonly stale: number
  /** Rows with an older version of a member than an earlier row. */
  readonly backwards: number
  /** Rows that match no version of their member. */
  readonly foreign: number
}

export type ExportCheck = {
  /** Takes a row as its line of NDJSON. */
  take(line: string): void
  /**
   * @param endedMs when the export ended, in ms since the epoch
   * @param asOfMs the time up to which each list is promised to be exact, or a later one
   */
  report(endedMs: number, asOfMs: (listId: string) => number): ExportReport
}

/**
 * Compares an export of live members, row by row, with the present and past members of the lists.
 *
 * @param startedMs when the export began, in ms since the epoch
 */
export function createExportCheck(
  sandbox: Sandbox,
  listIds: readonly string[],
  startedMs: number,
): ExportCheck {
  const versionByList = new Map(listIds.map((listId) => [listId, new Map<string, number>()]))
  const truthByList = new Map(listIds.map((listId) => [listId, sandbox.truth(listId)]))
  let [rows, backwards, foreign] = [0, 0, 0]

  return {
    take: (line) => {
      rows += 1
      const row: unknown = JSON.parse(line)
      const [id, listId] = isRow(row) ? [memberKeyOf(row), row.list_id] : ["", ""]
      const history = truthByList.get(listId)?.history(id) ?? []
      const text = JSON.stringify(row)
      const position = history.findLastIndex((member) => isLive(member) && canonical(member.row) === text)
      const version = versionNumber(history, position)
      const before = versionByList.get(listId)?.get(id) ?? -1
      if (version === -1) foreign += 1
      else if (version < before) backwards += 1
      versionByList.get(listId)?.set(id, version)
    },

    report: (endedMs, asOfMs) => {
      let [members, missing, stale] = [0, 0, 0]
      for (const [listId, truth] of truthByList) {
        const until = asOfMs(listId)
        for (const id of truth.presentDuring(startedMs, endedMs)) {
          const history = truth.history(id)
          const atStart = lastIndexAt(history, startedMs)
          if (!history.slice(atStart).every((version) => isLive(version) || version.at > endedMs)) continue
          members += 1
          const version = versionByList.get(listId)?.get(id)
          if (version === undefined) missing += 1
          else if (version < versionNumber(history, lastIndexAt(history, until))) stale += 1
        }
      }
      return { rows, members, missing, stale, backwards, foreign }
    },
  }
}

function isRow(value: unknown): value is { list_id: string } {
  return typeof value === "object" && value !== null && "list_id" in value
}

function lastIndexAt(history: readonly TrueMember[], atMs: number): number {
  return history.findLastIndex(({ at }) => at <= atMs)
}

/**
 * Counts the versions up to a position in a history from 0; -1 for none. Silent changes do not count, because no
 * export can see them.
 */
function versionNumber(history: readonly TrueMember[], position: number): number {
  return history.slice(0, position + 1).filter(({ isSilent }) => !isSilent).length - 1
}

function isLive({ status }: TrueMember): boolean {
  return status !== "archived" && status !== "gone"
}

/** The same JSON for the same value, however it was formatted. */
function canonical(json: string): string {
  return JSON.stringify(JSON.parse(json))
}
