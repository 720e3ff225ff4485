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

type Pending = Hint & {
  /** Whether the delivery may be about a member who only unsubscribed. */
  readonly isVague: boolean
  /** Request the member at this second or later. */
  readonly notBefore: Second
}

/** The members that deliveries call deleted or moved, until Mailchimp has confirmed or denied it. */
export type Hints = {
  add(delivery: StoredDelivery): void
  /** A page shows members of a list. It must have been requested after the deliveries arrived. */
  shown(listId: string, page: Page): void
  /** The members to request now: those whose deliveries arrived first. */
  due(count: number): readonly Hint[]
  /** Mailchimp does not have the member, or will never say. */
  done(hint: Hint): void
  /** Mailchimp still has the member. A deletion may become visible late, so a member is requested again after the margin. */
  denied(hint: Hint): void
  /** The list is gone with all of its members. */
  forget(listId: string): void
  /** When the oldest hint arrived; Infinity if there is none. */
  arrivedAt(): Second
}

/** @param deps.nowS the time in seconds since the epoch */
export function createHints(deps: { readonly marginS: number; readonly nowS: () => Second }): Hints {
  const { marginS, nowS } = deps
  /** By list, and then by member. */
  const byList = new Map<string, Map<string, Pending>>()
  const all = () => [...byList.values()].flatMap((hints) => [...hints.values()])
  const remove = (listId: string, memberId: string) => {
    const hints = byList.get(listId)
    hints?.delete(memberId)
    if (hints?.size === 0) byList.delete(listId)
  }

  return {
    add: ({ listId, kind, memberId, newMemberId, arrivedAt }) => {
      // A real unsubscribe may lack the field that says whether the member was deleted.
      const isVague = kind === "unsubscribe_or_delete"
      if (memberId === undefined || !(isVague || kind === "delete" || kind === "upemail")) return
      const hints = byList.get(listId) ?? new Map<string, Pending>()
      byList.set(listId, hints)
      const before = hints.get(memberId)
      hints.set(memberId, {
        listId,
        memberId,
        newMemberId: newMemberId ?? before?.newMemberId,
        arrivedAt: Math.min(arrivedAt, before?.arrivedAt ?? Infinity),
        isVague: isVague && before?.isVague !== false,
        notBefore: 0,
      })
    },
    shown: (listId, page) => {
      const hints = byList.get(listId)
      if (hints === undefined) return
      for (let index = 0; index < page.length; index += 1) {
        const memberId = page.id(index) ?? ""
        // The row is that of the unsubscribed member, whose `last_changed` has just moved.
        if (hints.get(memberId)?.isVague) remove(listId, memberId)
      }
    },
    due: (count) =>
      all()
        .filter(({ notBefore }) => notBefore <= nowS())
        .toSorted((one, other) => one.arrivedAt - other.arrivedAt)
        .slice(0, count),
    done: ({ listId, memberId }) => remove(listId, memberId),
    denied: ({ listId, memberId }) => {
      const hints = byList.get(listId)
      const hint = hints?.get(memberId)
      if (hints === undefined || hint === undefined) return
      const notBefore = hint.arrivedAt + marginS + 1
      if (nowS() >= notBefore) remove(listId, memberId)
      else hints.set(memberId, { ...hint, notBefore })
    },
    forget: (listId) => void byList.delete(listId),
    arrivedAt: () => all().reduce((first, { arrivedAt }) => Math.min(first, arrivedAt), Infinity),
  }
}
