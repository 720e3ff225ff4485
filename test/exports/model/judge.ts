import type { Delivery } from "../../../src/exports/delivery.ts"
import { type Change, type List, type Member, type ModelMailchimp, bytesOf } from "./mailchimp.ts"

/** What a consumer has: of each member the last row that was delivered, and in which stream. */
export type Replica = Map<string, { readonly change: Change; readonly stream: number }>

/** What an export promised of a list. */
export type Promised = {
  /** Every member that existed at this second and stayed, as it was then or later. */
  readonly asOf: number
  /** Whether archived members are in it. */
  readonly archived: "none" | "all" | "changed"
  /** Those that were archived before it are not, where only changed ones are. */
  readonly archivedSince: number
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
  { page, ranges }: Delivery,
  mailchimp: ModelMailchimp,
  stream: number,
): string | undefined {
  let duplicate: string | undefined
  for (const { start, end } of ranges) {
    for (let index = start; index < end; index += 1) {
      const id = page.id(index)
      const change = mailchimp.changeOf(page, index)
      const before = replica.get(id)
      if (before && before.change.order > change.order)
        throw new Broken(`An older version after a newer one: ${id}`)
      if (before?.change === change && before.stream === stream) duplicate = id
      replica.set(id, { change, stream })
    }
  }
  return duplicate
}

export function judgeList(replica: Replica, list: List, { asOf, archived, archivedSince }: Promised): void {
  for (const member of list.members) {
    const due = versionOf(member, asOf)
    if (!due || due.status === "deleted" || (archived === "none" && isArchived(due))) continue
    // Who left after `asOf`, or changed sides, may be missed, and comes with the next export.
    const changesSides = (change: Change) =>
      change.status === "deleted" || isArchived(change) !== isArchived(due)
    if (member.changes.some((change) => change.order > due.order && changesSides(change))) continue
    const got = replica.get(member.id)?.change
    if (!got && archived === "changed" && isArchived(due) && due.second <= archivedSince) continue
    if (!got) throw new Broken(`Lost: ${describe(member, asOf)}`)
    const isCurrent = member.changes.some(
      (change) => change.order >= due.order && bytesOf(change) === bytesOf(got),
    )
    if (!isCurrent) throw new Broken(`Stale: ${describe(member, asOf)}, not ${JSON.stringify(got)}`)
  }
}

/** The last change among those of this second or before. */
function versionOf({ changes }: Member, asOf: number): Change | undefined {
  return changes.findLast(({ second }) => second <= asOf)
}

function isArchived({ status }: Change): boolean {
  return status === "archived"
}

function describe({ id, changes }: Member, asOf: number): string {
  return `${id}, ${JSON.stringify(changes)} as of ${asOf}`
}
