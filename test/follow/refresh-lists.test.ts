import { expect, test } from "bun:test"
import { AppError } from "../../src/errors.ts"
import { createFollowedLists } from "../../src/follow/followed-lists.ts"
import { createRefreshLists } from "../../src/follow/refresh-lists.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

test("lists are read every five minutes, or at once if a delivery names an unknown one; a failure is no deletion", async () => {
  const clock = createVirtualClock()
  const lists = createFollowedLists("s")
  for (const id of ["a", "b"]) lists.add(id)
  let existing: readonly string[] | undefined = ["a", "c"]
  const readIds = async () => {
    if (existing === undefined) throw new AppError("mailchimp_error", "fails")
    return existing
  }
  const refresh = createRefreshLists({ readIds, lists, clock })
  expect(await refresh(false)).toEqual([])
  expect(lists.ids()).toEqual(["a", "b"])
  expect(await refresh(true)).toEqual(["b"])
  expect(lists.ids()).toEqual(["a", "c"])
  existing = undefined
  await clock.advance(300_000)
  expect(await refresh(false)).toEqual([])
  existing = []
  expect(await refresh(false)).toEqual([])
  await clock.advance(300_000)
  expect(await refresh(false)).toEqual(["a", "c"])
})

test("lists that were selected by their ids are never looked for", async () => {
  const lists = createFollowedLists("s")
  lists.add("a")
  const refresh = createRefreshLists({ readIds: undefined, lists, clock: createVirtualClock() })
  expect(await refresh(true)).toEqual([])
})
