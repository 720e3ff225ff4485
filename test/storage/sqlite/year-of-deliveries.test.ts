import { statSync } from "node:fs"
import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import type { Clock } from "../../../src/lib/time.ts"
import type { Delivery } from "../../../src/webhooks/delivery.ts"
import { sqliteUnderTest } from "../../support/storage-under-test.ts"

/** 10,000 for the whole size. */
const perDay = Number(Bun.env["DELIVERIES_PER_DAY"] ?? 200)
const daySeconds = 86_400
const retentionDays = 30
/** A transaction waits for the disk for longer than its deliveries compute, so a year in small ones is hours of waiting. */
const atOnce = perDay > 1000 ? 1000 : 100

test("in a year of deliveries, of which 30 days are kept, the database stays as large as after the first weeks", async () => {
  let nowMs = Date.parse("2026-01-01T00:00:00Z")
  const clock: Clock = { now: () => nowMs, monotonicMs: () => nowMs, sleep: () => Promise.resolve() }
  const storage = sqliteUnderTest(clock)
  try {
    const { deliveries } = await storage.open()
    const liveDay = async () => {
      for (let stored = 0; stored < perDay; stored += atOnce) {
        const arrivedAt = Math.floor(nowMs / 1000)
        const newDelivery = (_: unknown, index: number): Delivery => ({
          connectionId: `connection ${index % 7}`,
          listId: "a1b2c3d4e5",
          kind: "profile",
          memberId: (stored + index).toString(16).padStart(32, "0"),
          arrivedAt,
        })
        await deliveries.insert(Array.from({ length: atOnce }, newDelivery))
        nowMs += (daySeconds * 1000 * atOnce) / perDay
      }
    }
    const bytes = () =>
      [storage.path, `${storage.path}-wal`].reduce((sum, path) => sum + statSync(path).size, 0)
    for (let day = 0; day < retentionDays * 2; day += 1) await liveDay()
    const bytesAtFirst = bytes()
    for (let day = retentionDays * 2; day < 365; day += 1) await liveDay()
    using database = new Database(storage.path, { readonly: true })
    const kept = database
      .query<{ count: number }, []>("SELECT count(*) AS count FROM deliveries")
      .get()?.count
    expect(kept).toBeLessThanOrEqual((retentionDays + 1) * perDay)
    expect(kept).toBeGreaterThanOrEqual(retentionDays * perDay)
    expect(bytes() / bytesAtFirst).toBeLessThan(1.1)
  } finally {
    await storage.close()
  }
}, 600_000)
