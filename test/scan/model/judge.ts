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

/** What a consumer has: of each member the last row that was delivered, and in which stream. */
export type Replica = Map<string, { readonly change: Change; readonly stream: number }>

/**
 * What an export promised of a list: every member that existed at `asOf` and was selected, as he was then or later. Who
 * left the selection after that may be missing: he comes with the next export.
 *
 * The members of an export up to a date that the caller set have no second `asOf` for which that holds, as there is no tail
 * that would meet who changes meanwhile. There it is promised of those who do not.
 */
export type Promised = {
  readonly asOf: number
  /** A clock that is put back after this time can show in no response. */
  readonly datedUntil: number
  /** Whether a member is in a whole export, as he is after this change. */
  readonly isSelected: (change: Change) => boolean
  /** An incremental export has all others, too, who changed after this second. */
  readonly changedSince?: number | undefined
  /** Whether nothing is promised of those who change later. */
  readonly isOfUnchanged?: boolean | undefined
}

/** A promise that was not kept. */
export class Broken extends Error {
  override readonly name = "Broken"
}

/**
 * Takes a delivery into the replica, and checks it against what was delivered before.
 *
 * @returns the id of a member that came a second time in one stream, although nothing had changed
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
        throw new Broken(`A row that was not asked for: ${id}, ${JSON.stringify(change)}`)
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
    // Rows without a key that show the same are one row to a consumer, whose it may be.
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
    // A member without a date is in no export of what has changed.
    const isUndated = settings.oddity.startsWith("undated") && due.content === UNDATED && due.order === 0
    if (!got && !isDue && (isUndated || due.second <= (changedSince ?? asOf))) continue
    if (!got) throw new Broken(`Lost: ${describe(member, asOf)}`)
    const isCurrent = member.changes.some(
      (change) => change.order >= due.order && bytesOf(change, settings) === bytesOf(got, settings),
    )
    if (!isCurrent) throw new Broken(`Stale: ${describe(member, asOf)}, not ${JSON.stringify(got)}`)
  }
}

/** Who was dated so far ahead when an export began was in it, whatever his second. */
const AHEAD_S = 1000

/** The last version among those of this second or before. */
function versionOf({ changes }: Member, asOf: number): Change | undefined {
  return changes.findLast(
    ({ second, order, isSilent }) =>
      !isSilent && (second <= asOf || (order === 0 && second > asOf + AHEAD_S)),
  )
}

/** The version that a change belongs to: itself, unless it was a silent one. */
function versionIn({ changes }: Member, change: Change): Change {
  return changes.findLast(({ order, isSilent }) => !isSilent && order <= change.order) ?? change
}

function isArchived({ status }: Change): boolean {
  return status === "archived"
}

function describe({ id, changes }: Member, asOf: number): string {
  return `${id}, ${JSON.stringify(changes)} as of ${asOf}`
}
