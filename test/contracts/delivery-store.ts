import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Clock } from "../../src/lib/time.ts"
import type {
  Delivery,
  DeliveryPosition,
  DeliveryStore,
  StoredDelivery,
} from "../../src/webhooks/delivery.ts"
import { mongodbStartTimeoutMs } from "../support/mongodb.ts"
import type { StoreUnderTest } from "./connection-store.ts"

type DeliveriesUnderTest = StoreUnderTest<DeliveryStore> & {
  /** How many deliveries are stored, expired or not. */
  count(): Promise<number>
}

const retentionS = 30 * 86_400
const memberId = "0123456789abcdef0123456789abcdef"

/** The contract of every store of deliveries. */
export function deliveryStoreContract(
  name: string,
  create: (clock: Clock) => Promise<DeliveriesUnderTest> | DeliveriesUnderTest,
  describeSuite: (name: string, suite: () => void) => void = describe,
) {
  describeSuite(`${name}: deliveries`, () => {
    let underTest: DeliveriesUnderTest
    let store: DeliveryStore
    let nowMs = Date.parse("2026-03-01T10:00:00Z")
    const clock: Clock = {
      now: () => nowMs,
      monotonicMs: () => nowMs,
      sleep: () => Promise.reject(new Error("a store does not sleep")),
    }
    const nowS = () => nowMs / 1000

    beforeAll(async () => {
      underTest = await create(clock)
      store = await underTest.open()
    }, mongodbStartTimeoutMs)

    afterAll(() => underTest.close())

    const newDelivery = (connectionId: string, changes: Partial<Delivery> = {}): Delivery => ({
      connectionId,
      listId: "a1b2c3d4e5",
      kind: "profile",
      memberId,
      arrivedAt: nowS(),
      ...changes,
    })

    /** All deliveries from a position on, read in pages of two. */
    async function readAll(connectionId: string, from: DeliveryPosition, reader = store) {
      const read: StoredDelivery[] = []
      for (let position = from; ;) {
        const page = await reader.list(connectionId, position, 2)
        read.push(...page)
        const last = page.at(-1)
        if (last === undefined) return read
        position = last
      }
    }

    test("list() returns what was inserted, field by field, through another replica too", async () => {
      const connectionId = crypto.randomUUID()
      const deliveries: Delivery[] = [
        { connectionId, listId: "f6a7b8c9d0", kind: "other", arrivedAt: nowS() },
        newDelivery(connectionId, { kind: "upemail", newMemberId: memberId.replaceAll("0", "f") }),
        newDelivery(connectionId, { kind: "unsubscribe_or_delete" }),
      ]
      await store.insert(deliveries)
      const replica = await underTest.open()
      for (const reader of [store, replica])
        expect(await readAll(connectionId, { arrivedAt: nowS() }, reader)).toStrictEqual(
          deliveries.map((delivery) => ({ ...delivery, id: expect.any(String) })),
        )
      expect(await readAll(crypto.randomUUID(), { arrivedAt: 0 })).toEqual([])
    })

    test("list() begins at a second or after one delivery of it, page by page, each delivery once", async () => {
      const connectionId = crypto.randomUUID()
      const seconds = [5, 5, 5, 7, 7, 9].map((second) => nowS() + second)
      for (const arrivedAt of seconds.toReversed())
        await store.insert([newDelivery(connectionId, { arrivedAt })])
      const secondsFrom = async (from: DeliveryPosition) =>
        (await readAll(connectionId, from)).map(({ arrivedAt }) => arrivedAt - nowS())
      expect(await secondsFrom({ arrivedAt: 0 })).toEqual([5, 5, 5, 7, 7, 9])
      expect(await secondsFrom({ arrivedAt: nowS() + 7 })).toEqual([7, 7, 9])
      expect(await secondsFrom({ arrivedAt: nowS() + 8 })).toEqual([9])
      const [, second] = await store.list(connectionId, { arrivedAt: nowS() }, 10)
      expect(await secondsFrom(second!)).toEqual([5, 7, 7, 9])
    })

    test("what has expired is not returned, and is purged by later inserts; nothing else is", async () => {
      const connectionId = crypto.randomUUID()
      nowMs += 3 * retentionS * 1000
      const startS = nowS()
      await store.insert([newDelivery(connectionId), newDelivery(connectionId)])
      nowMs += 86_400_000
      await store.insert([newDelivery(connectionId)])
      expect(await underTest.count()).toBe(3)
      nowMs += (retentionS - 86_400) * 1000
      expect(await readAll(connectionId, { arrivedAt: startS })).toHaveLength(3)
      nowMs += 1000
      expect(await readAll(connectionId, { arrivedAt: startS })).toHaveLength(1)
      nowMs += 60_000
      await store.insert([newDelivery(connectionId)])
      expect(await underTest.count()).toBe(2)
    })

    test("deleteOfConnection() deletes all deliveries of one connection", async () => {
      const [gone, kept] = [crypto.randomUUID(), crypto.randomUUID()]
      await store.insert([newDelivery(gone), newDelivery(kept), newDelivery(gone)])
      await store.deleteOfConnection(gone)
      expect(await readAll(gone, { arrivedAt: 0 })).toEqual([])
      expect(await readAll(kept, { arrivedAt: 0 })).toHaveLength(1)
    })

    test("insert() through 5 replicas concurrently loses none", async () => {
      const replicas = await Promise.all(Array.from({ length: 5 }, () => underTest.open()))
      const connectionId = crypto.randomUUID()
      await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          replicas[index % replicas.length]!.insert([newDelivery(connectionId), newDelivery(connectionId)]),
        ),
      )
      expect(await store.list(connectionId, { arrivedAt: 0 }, 1000)).toHaveLength(100)
    })
  })
}
