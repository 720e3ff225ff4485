import { expect, test } from "bun:test"
import { AppError } from "../../src/errors.ts"
import { confirmDeletions } from "../../src/follow/confirm-deletions.ts"
import { createHints } from "../../src/follow/hints.ts"
import { momentOf, pageOfIds } from "../support/members.ts"
import type { DeliveryKind } from "../../src/webhooks/delivery.ts"

function start(clock = { nowS: 6 }) {
  return createHints({ marginS: 10, nowS: () => clock.nowS })
}

const base = { id: "1", connectionId: "c", listId: "l", arrivedAt: 5 }

test.each([
  ["delete", 1],
  ["unsubscribe_or_delete", 1],
  ["upemail", 1],
  ["unsubscribe", 0],
  ["profile", 0],
  ["subscribe", 0],
  ["cleaned", 0],
  ["other", 0],
] satisfies [DeliveryKind, number][])("after a delivery %s %i member may be gone", (kind, count) => {
  const hints = start()
  hints.add({ ...base, kind, memberId: "m" })
  hints.add({ ...base, kind })
  expect(hints.due(10)).toHaveLength(count)
  expect(hints.arrivedAt()).toBe(count === 1 ? 5 : Infinity)
})

test("several deliveries about a member are one hint, which keeps the oldest time and the new id", () => {
  const hints = start()
  hints.add({ ...base, kind: "upemail", memberId: "m", newMemberId: "n" })
  hints.add({ ...base, kind: "delete", memberId: "m", arrivedAt: 9 })
  expect(hints.due(10)).toMatchObject([{ listId: "l", memberId: "m", newMemberId: "n", arrivedAt: 5 }])
})

test("a member is gone only if Mailchimp says so, and a request that fails is repeated", async () => {
  const hints = start()
  for (const memberId of ["gone", "there", "failing", "refused"])
    hints.add({ ...base, kind: "delete", memberId })
  const gone = await confirmDeletions(hints, async ({ memberId }) => {
    if (memberId === "failing") throw new AppError("mailchimp_error", "fails")
    if (memberId === "refused") throw new AppError("mailchimp_forbidden", "refused")
    return memberId === "there"
  })
  expect(gone.map(({ memberId }) => memberId)).toEqual(["gone"])
  expect(hints.due(10).map(({ memberId }) => memberId)).toEqual(["failing"])
  expect(hints.arrivedAt()).toBe(5)
  const revoked = confirmDeletions(hints, async () => {
    throw new AppError("connection_invalidated", "revoked")
  })
  expect(revoked).rejects.toThrow("revoked")
})

test("a member who is still there is requested once more after the margin, because a deletion may become visible late", () => {
  const clock = { nowS: 6 }
  const hints = start(clock)
  hints.add({ ...base, kind: "delete", memberId: "m" })
  hints.denied(hints.due(1)[0]!)
  expect(hints.due(1)).toEqual([])
  expect(hints.arrivedAt()).toBe(5)
  clock.nowS = 16
  hints.denied(hints.due(1)[0]!)
  expect(hints.arrivedAt()).toBe(Infinity)
})

test("a row answers only the delivery that may be about an unsubscribe", () => {
  const hints = start()
  for (const kind of ["unsubscribe_or_delete", "delete", "upemail"] as const)
    hints.add({ ...base, kind, memberId: kind })
  const ids = hints.due(10).map(({ memberId }) => memberId)
  hints.shown("l", {
    ...pageOfIds(ids),
    second: () => 100,
    fingerprint: () => 0,
    totalItems: 3,
    count: 10,
    sentAt: momentOf(105),
  })
  expect(hints.due(10).map(({ memberId }) => memberId)).toEqual(["delete", "upemail"])
})

test("a list that is gone takes its hints along", () => {
  const hints = start()
  hints.add({ ...base, kind: "delete", memberId: "m" })
  hints.forget("l")
  expect(hints.due(10)).toEqual([])
})
