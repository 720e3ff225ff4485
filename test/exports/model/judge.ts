import type { Delivery } from "../../../src/exports/delivery.ts"
import { type Change, type List, type Member, type ModelMailchimp, bytesOf } from "./mailchimp.ts"

/** What a consumer has: of each member the last row that was delivered. */
export type Replica = Map<string, Change>

/** A promise that was not kept. */
export class Broken extends Error {
  override readonly name = "Broken"
}

/** Takes a delivery into the replica, and checks it against what was delivered before. */
export function receive(replica: Replica, { page, ranges }: Delivery, mailchimp: ModelMailchimp): void {
  for (const { start, end } of ranges) {
    for (let index = start; index < end; index += 1) {
      const id = page.id(index)
      const change = mailchimp.changeOf(page, index)
      const before = replica.get(id)
      if (before && before.order > change.order) throw new Broken(`An older version after a newer one: ${id}`)
      if (before === change) throw new Broken(`A duplicate without a cause: ${id}`)
      replica.set(id, change)
    }
  }
}

/** Every member of a list that has been live since a change of `asOf` or before is in the replica, as it was then or later. */
export function judgeList(replica: Replica, list: List, asOf: number): void {
  for (const member of list.members) {
    const due = versionOf(member, asOf)
    if (!due || !isLive(due) || member.changes.some((change) => change.order > due.order && !isLive(change)))
      continue
    const got = replica.get(member.id)
    if (!got) throw new Broken(`Lost: ${member.id}, ${JSON.stringify(member.changes)} as of ${asOf}`)
    const isCurrent = member.changes.some(
      (change) => change.order >= due.order && bytesOf(change) === bytesOf(got),
    )
    if (!isCurrent) throw new Broken(`Stale: ${member.id}, ${JSON.stringify(member.changes)} as of ${asOf}`)
  }
}

/** The last change among those of this second or before. */
function versionOf({ changes }: Member, asOf: number): Change | undefined {
  return changes.findLast(({ second }) => second <= asOf)
}

function isLive({ status }: Change): boolean {
  return status === "subscribed" || status === "unsubscribed"
}
