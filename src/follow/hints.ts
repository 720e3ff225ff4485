import type { Page, Second } from "../scan/source.ts"
import type { StoredDelivery } from "../webhooks/delivery.ts"

/** A member that may be gone, because a delivery says so. */
export type Hint = {
  readonly listId: string
  readonly memberId: string
  /** The id of the member after a change of the address. */
  readonly newMemberId?: string | undefined
  readonly arrivedAt: Second
}

/** The members that deliveries call deleted or moved, until Mailchimp has confirmed or denied it. */
export type Hints = {
  add(delivery: StoredDelivery): void
  /** A page shows members of a list, so they exist. The page must have been requested after the deliveries arrived. */
  shown(listId: string, page: Page): void
  /** The hints that arrived first. */
  oldest(count: number): readonly Hint[]
  done(hint: Hint): void
  /** The list is gone with all of its members. */
  forget(listId: string): void
  /** When the oldest hint arrived; Infinity if there is none. */
  arrivedAt(): Second
}

export function createHints(): Hints {
  /** By list, and then by member. */
  const byList = new Map<string, Map<string, Hint>>()
  const all = () => [...byList.values()].flatMap((hints) => [...hints.values()])
  const remove = (listId: string, memberId: string) => {
    const hints = byList.get(listId)
    hints?.delete(memberId)
    if (hints?.size === 0) byList.delete(listId)
  }

  return {
    add: ({ listId, kind, memberId, newMemberId, arrivedAt }) => {
      // A real unsubscribe may lack the field that says whether the member was deleted.
      const mayBeGone = kind === "delete" || kind === "unsubscribe_or_delete" || kind === "upemail"
      if (!mayBeGone || memberId === undefined) return
      const hints = byList.get(listId) ?? new Map<string, Hint>()
      byList.set(listId, hints)
      const before = hints.get(memberId)
      const hint = { listId, memberId, newMemberId: newMemberId ?? before?.newMemberId }
      hints.set(memberId, { ...hint, arrivedAt: before?.arrivedAt ?? arrivedAt })
    },
    shown: (listId, page) => {
      if (!byList.has(listId)) return
      for (let index = 0; index < page.length; index += 1) remove(listId, page.id(index) ?? "")
    },
    oldest: (count) =>
      all()
        .toSorted((one, other) => one.arrivedAt - other.arrivedAt)
        .slice(0, count),
    done: ({ listId, memberId }) => remove(listId, memberId),
    forget: (listId) => void byList.delete(listId),
    arrivedAt: () => all().reduce((first, { arrivedAt }) => Math.min(first, arrivedAt), Infinity),
  }
}
