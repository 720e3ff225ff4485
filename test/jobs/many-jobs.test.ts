import { afterAll, expect, test } from "bun:test"
import { createLocalEngine } from "../../src/jobs/engine/local.ts"
import { systemClock } from "../../src/lib/time.ts"
import { newJob } from "../contracts/job-store.ts"
import { sqliteUnderTest } from "../support/storage-under-test.ts"

const storage = sqliteUnderTest()
afterAll(storage.close)

test("of 1,000 queued jobs of 50 accounts, each account's first begins before any account's third", async () => {
  const { jobs: store } = await storage.open()
  const accounts = Array.from({ length: 50 }, (_, index) => `account ${index}`)
  // The worst order: each account queues all of its jobs before the next one comes.
  for (const accountId of accounts) {
    for (let index = 0; index < 20; index += 1)
      await store.insert(newJob({ owner: { accountId, uid: "one" } }))
  }
  const listedMs = []
  for (const accountId of accounts) {
    const startedMs = performance.now()
    expect(await store.list({ accountId, uid: "one" }, { now: new Date(), limit: 100 })).toHaveLength(20)
    listedMs.push(performance.now() - startedMs)
  }
  expect(listedMs.toSorted((a, b) => a - b)[25]).toBeLessThan(50)

  const begun: string[] = []
  const allBegan = Promise.withResolvers<void>()
  let [running, most] = [0, 0]
  const times = { endedAt: new Date(), expiresAt: new Date(Date.now() + 1000) }
  const engine = createLocalEngine({
    open: store.open,
    run: async (id) => {
      const job = await store.begin(id, new Date())
      if (job === undefined) throw new Error("a job began twice")
      most = Math.max(most, (running += 1))
      begun.push(job.owner.accountId)
      await Bun.sleep(0)
      await store.end(job, { parts: [] }, { state: "complete", ...times })
      running -= 1
      if (begun.length === 1000) allBegan.resolve()
    },
    concurrency: 4,
    lock: { acquire: () => true, release: () => {} },
    clock: systemClock,
    onEvent: () => {},
  })
  await allBegan.promise
  await engine.close()
  expect(most).toBe(4)
  const firstThird = begun.findIndex(
    (account, index) => begun.slice(0, index).filter((other) => other === account).length === 2,
  )
  expect(new Set(begun.slice(0, firstThird)).size).toBe(accounts.length)
})
