import { expect, test } from "bun:test"
import type { Connection } from "../../src/connections/connection.ts"
import { createConnectionWatch, type WatchEvent } from "../../src/connections/connection-watch.ts"
import { AppError } from "../../src/errors.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

function connectionOf(revision: string): Connection {
  return {
    id: "c1",
    revision,
    owner: { accountId: "acme", uid: "ada" },
    accessToken: "token",
    metadata: { dc: "us1" },
    tokenInvalidated: false,
  }
}
const [one, two] = [connectionOf("r1"), connectionOf("r2")]

/** A store that records each query. */
function setUp() {
  const clock = createVirtualClock()
  const stored = new Set(["r1", "r2"])
  const queries: (readonly string[])[] = []
  const events: WatchEvent[] = []
  let query = async (revisions: readonly string[]): Promise<ReadonlySet<string>> =>
    stored.intersection(new Set(revisions))
  const { watch, ended, checkNow } = createConnectionWatch({
    connections: {
      existing: (revisions) => {
        queries.push(revisions)
        return query(revisions)
      },
    },
    clock,
    onEvent: (event) => events.push(event),
  })
  const setQuery = (changed: typeof query) => {
    query = changed
  }
  return { watch, ended, checkNow, clock, stored, queries, events, setQuery }
}

test("one query a second covers all connections in use; without any there is no query and no timer", async () => {
  const { watch, clock, queries } = setUp()
  expect(clock.sleepers()).toBe(0)
  const watched = [watch(one), watch(one), watch(two)]
  await clock.advance(999)
  expect(queries).toEqual([])
  await clock.advance(2001)
  expect(queries).toEqual([
    ["r1", "r2"],
    ["r1", "r2"],
    ["r1", "r2"],
  ])
  for (const one of watched) one[Symbol.dispose]()
  expect(clock.sleepers()).toBe(0)
  await clock.advance(10_000)
  expect(queries).toHaveLength(3)

  using _again = watch(two)
  await clock.advance(1000)
  expect(queries.at(-1)).toEqual(["r2"])
})

test("everything that uses a deleted connection aborts within a second with `disconnected`, and nothing else does", async () => {
  const { watch, clock, stored } = setUp()
  const gone = [watch(one), watch(one)]
  const kept = watch(two)
  stored.delete("r1")
  await clock.advance(1000)
  for (const { signal } of gone)
    expect(signal.reason).toMatchObject({ code: "disconnected", status: 409, retryable: false })
  expect(kept.signal.aborted).toBe(false)
})

test("work on a replaced connection aborts even if the new one has the same id and owner", async () => {
  const { watch, clock, stored } = setUp()
  const old = watch(one)
  stored.delete("r1")
  stored.add("r3")
  const successor = watch(connectionOf("r3"))
  await clock.advance(1000)
  expect([old.signal.aborted, successor.signal.aborted]).toEqual([true, false])
})

test("signals of a connection that this process deletes abort at once, and no timer is left", () => {
  const { watch, ended, clock } = setUp()
  const watched = watch(one)
  ended(two)
  expect(watched.signal.aborted).toBe(false)
  ended(one)
  expect(watched.signal.reason).toMatchObject({ code: "disconnected" })
  expect(clock.sleepers()).toBe(0)
  watched[Symbol.dispose]()
  watched[Symbol.dispose]()
})

test("a failing database aborts nothing, is reported once per outage, and is queried again", async () => {
  const { watch, clock, stored, events, queries, setQuery } = setUp()
  const watched = watch(one)
  const away = async () => {
    throw new AppError("database_unavailable", "Cannot")
  }
  setQuery(away)
  stored.delete("r1")
  await clock.advance(10_000)
  expect([watched.signal.aborted, queries.length, events.length]).toEqual([false, 10, 1])
  setQuery(async () => new Set(["r1"]))
  await clock.advance(1000)
  setQuery(away)
  await clock.advance(5000)
  expect(events).toHaveLength(2)
  setQuery(async () => new Set())
  await clock.advance(1000)
  expect(watched.signal.aborted).toBe(true)
})

test("a hanging database aborts nothing, and gets no second query at the same time", async () => {
  const { watch, clock, queries, setQuery } = setUp()
  const { promise, resolve } = Promise.withResolvers<ReadonlySet<string>>()
  setQuery(() => promise)
  const early = watch(one)
  await clock.advance(60_000)
  const late = watch(two)
  await clock.advance(60_000)
  expect([early.signal.aborted, queries.length]).toEqual([false, 1])
  // The result says nothing about a connection that was not in the query.
  setQuery(async (revisions) => new Set(revisions))
  resolve(new Set())
  await clock.advance(0)
  expect([early.signal.aborted, late.signal.aborted]).toEqual([true, false])
  await clock.advance(1000)
  expect(queries.at(-1)).toEqual(["r2"])
})

test("a watch that was disposed of does not abort when its connection is deleted", async () => {
  const { watch, ended, clock, stored } = setUp()
  const done = watch(one)
  const running = watch(one)
  done[Symbol.dispose]()
  stored.delete("r1")
  await clock.advance(1000)
  ended(one)
  expect([done.signal.aborted, running.signal.aborted]).toEqual([false, true])
  expect(clock.sleepers()).toBe(0)
})

test("a check can be made now, and the next one is made a second later", async () => {
  const { watch, checkNow, clock, stored, queries } = setUp()
  checkNow()
  expect(queries).toEqual([])
  const gone = watch(one)
  using kept = watch(two)
  await clock.advance(500)
  stored.delete("r1")
  checkNow()
  checkNow()
  await clock.advance(0)
  expect([gone.signal.aborted, kept.signal.aborted, queries.length]).toEqual([true, false, 1])
  await clock.advance(1000)
  expect(queries).toHaveLength(2)
})
