import type { ScannedPage } from "../../../src/scan/deduplicate.ts"
import {
  type Change,
  type List,
  type Member,
  type ModelMailchimp,
  type Settings,
  UNDATED,
  bytesOf,
} from "./mailchimp.ts"

/** What a consumer has: for each member the last row that was delivered, and in which stream. */
export type Replica = Map<string, { readonly change: Change; readonly stream: number }>

/**
 * What an export promises for a list: every member that existed at `asOf` and was selected, in the version of then or a
 * later one. A member who left the selection after that may be missing; the next export includes them.
 *
 * If the caller set an upper bound, no `asOf` fulfills that, because no tail reads the members who change meanwhile. Then
 * the promise covers only members who do not change.
 */
export type Promised = {
  readonly asOf: number
  /** If a clock is put back after this time, no response shows it. */
  readonly datedUntil: number
  /** Whether a whole export includes the member after this change. */
  readonly isSelected: (change: Change) => boolean
  /** An incremental export also includes all other members who changed after this second. */
  readonly changedSince?: number | undefined
  /** Whether nothing is promised for members who change later. */
  readonly isOfUnchanged?: boolean | undefined
}

/** A promise that was not kept. */
export class Broken extends Error {
  override readonly name = "Broken"
}

/**
 * Adds a scanned page to the replica, and checks it against what was delivered before.
 *
 * @returns the id of a member that was delivered twice in one stream, although nothing had changed
 */
export function receive(
  replica: Replica,
  { page, ranges }: ScannedPage,
  mailchimp: ModelMailchimp,
  options: {
    readonly stream: number
    /** Whether Mailchimp's clock was put back, so that a newer version may be dated into a second that was closed. */
    readonly isPutBack: boolean
    readonly isRequested: (change: Change) => boolean
  },
): string | undefined {
  const { stream, isPutBack, isRequested } = options
  let duplicate: string | undefined
  for (const { start, end } of ranges) {
    for (let index = start; index < end; index += 1) {
      const { member, change } = mailchimp.rowOf(page, index)
      const { id } = member
      if (!isRequested(change))
        throw new Broken(`A row that was not requested: ${id}, ${JSON.stringify(change)}`)
      const before = replica.get(id)
      if (before && !isPutBack && versionIn(member, before.change).order > versionIn(member, change).order)
        throw new Broken(`An older version after a newer one: ${id}`)
      if (before?.change === change && before.stream === stream && !member.shownId) duplicate = id
      replica.set(id, { change, stream })
    }
  }
  return duplicate
}

export function judgeList(replica: Replica, list: List, promised: Promised, settings: Settings): void {
  const { asOf, datedUntil, isSelected, changedSince, isOfUnchanged = false } = promised
  for (const member of list.members) {
    // A consumer cannot tell whose row it is if rows without a key look the same.
    if (member.shownId && settings.hasFewFields) continue
    const due = versionOf(member, asOf)
    if (!due || due.status === "deleted") continue
    const isDatedBack = due.order > 0 && due.second < due.visibleAt - settings.lateness - 2 * settings.marginS
    if (isDatedBack && due.visibleAt > datedUntil) continue
    const isDue = isSelected(due)
    if (!isDue && changedSince === undefined) continue
    const leaves = (change: Change) =>
      isOfUnchanged ||
      change.status === "deleted" ||
      isArchived(change) !== isArchived(due) ||
      (changedSince === undefined && !isSelected(change))
    if (member.changes.some((change) => change.order > due.order && leaves(change))) continue
    const got = replica.get(member.id)?.change
    // An incremental export includes no member without a date.
    const isUndated = settings.oddity.startsWith("undated") && due.content === UNDATED && due.order === 0
    if (!got && !isDue && (isUndated || due.second <= (changedSince ?? asOf))) continue
    if (!got) throw new Broken(`Lost: ${describe(member, asOf)}`)
    const isCurrent = member.changes.some(
      (change) => change.order >= due.order && bytesOf(change, settings) === bytesOf(got, settings),
    )
    if (!isCurrent) throw new Broken(`Stale: ${describe(member, asOf)}, not ${JSON.stringify(got)}`)
  }
}

/** An export includes members who were dated this many seconds ahead when it began, whatever their second. */
const AHEAD_S = 1000

/** The last version of this second or earlier. */
function versionOf({ changes }: Member, asOf: number): Change | undefined {
  return changes.findLast(
    ({ second, order, isSilent }) =>
      !isSilent && (second <= asOf || (order === 0 && second > asOf + AHEAD_S)),
  )
}

/** The version that a change belongs to: the change itself, unless it was silent. */
function versionIn({ changes }: Member, change: Change): Change {
  return changes.findLast(({ order, isSilent }) => !isSilent && order <= change.order) ?? change
}

function isArchived({ status }: Change): boolean {
  return status === "archived"
}

function describe({ id, changes }: Member, asOf: number): string {
  return `${id}, ${JSON.stringify(changes)} as of ${asOf}`
}
