import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { UsedStateStore } from "../../src/connections/connection.ts"
import type { Clock } from "../../src/lib/time.ts"
import { mongodbStartTimeoutMs } from "../support/mongodb.ts"
import type { StoreUnderTest } from "./connection-store.ts"

type UsedStatesUnderTest = StoreUnderTest<UsedStateStore> & {
  /** How many states are stored, expired or not. */
  count(): Promise<number>
}

/** The contract of every store of used states. */
export function usedStateStoreContract(
  name: string,
  create: (clock: Clock) => Promise<UsedStatesUnderTest> | UsedStatesUnderTest,
  describeSuite: (name: string, suite: () => void) => void = describe,
) {
  describeSuite(`${name}: used states`, () => {
    let underTest: UsedStatesUnderTest
    let store: UsedStateStore
    let nowMs = Date.parse("2026-03-01T10:00:00Z")
    const clock: Clock = {
      now: () => nowMs,
      monotonicMs: () => nowMs,
      sleep: () => Promise.reject(new Error("a store does not sleep")),
    }
    const inTenMinutes = () => new Date(nowMs + 600_000)

    beforeAll(async () => {
      underTest = await create(clock)
      store = await underTest.open()
    }, mongodbStartTimeoutMs)

    afterAll(() => underTest.close())

    test("use() resolves to true the first time and to false every later time", async () => {
      const id = crypto.randomUUID()
      expect(await store.use(id, inTenMinutes())).toBe(true)
      expect(await store.use(id, inTenMinutes())).toBe(false)
      expect(await store.use(id, inTenMinutes())).toBe(false)
      expect(await store.use(crypto.randomUUID(), inTenMinutes())).toBe(true)
    })

    test("use() still resolves to false in the last millisecond, on another replica too", async () => {
      const id = crypto.randomUUID()
      await store.use(id, inTenMinutes())
      nowMs += 599_999
      expect(await store.use(id, inTenMinutes())).toBe(false)
      expect(await (await underTest.open()).use(id, inTenMinutes())).toBe(false)
    })

    test("expired states are purged while others are used, and only expired ones", async () => {
      nowMs += 3_600_000
      for (let index = 0; index < 10; index += 1) await store.use(crypto.randomUUID(), inTenMinutes())
      nowMs += 300_000
      const kept = crypto.randomUUID()
      await store.use(kept, inTenMinutes())
      nowMs += 300_000
      await store.use(crypto.randomUUID(), inTenMinutes())
      expect(await underTest.count()).toBe(2)
      expect(await store.use(kept, inTenMinutes())).toBe(false)
    })

    test("of 50 concurrent use() calls of one state through 5 replicas, one wins", async () => {
      const replicas = await Promise.all(Array.from({ length: 5 }, () => underTest.open()))
      for (let round = 0; round < 5; round += 1) {
        const id = crypto.randomUUID()
        const results = await Promise.all(
          Array.from({ length: 50 }, (_, index) =>
            replicas[index % replicas.length]!.use(id, inTenMinutes()),
          ),
        )
        expect(results.filter(Boolean)).toHaveLength(1)
        nowMs += 120_000
      }
    })
  })
}
