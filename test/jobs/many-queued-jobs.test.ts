import { afterAll, beforeAll, expect, test } from "bun:test"
import { createBullmq } from "../../src/jobs/engine/bullmq/bullmq.ts"
import { systemClock } from "../../src/lib/time.ts"
import { openPatientRedis } from "../../src/storage/redis/redis.ts"
import { newJob } from "../contracts/job-store.ts"
import { describeWithRedis, startRedis } from "../support/redis-server.ts"
import { sqliteUnderTest } from "../support/storage-under-test.ts"

const [accountCount, jobCount] = [
  Number(process.env["QUEUED_ACCOUNTS"] ?? 10),
  Number(process.env["QUEUED_JOBS"] ?? 100),
]

const storage = sqliteUnderTest()
afterAll(storage.close)

describeWithRedis("BullMQ with many queued jobs", () => {
  let redis: Awaited<ReturnType<typeof startRedis>>

  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.kill9())

  test("each account's first job begins before any account's third, and lists stay fast", async () => {
    const { jobs: store } = await storage.open()
    const accounts = Array.from({ length: accountCount }, (_, index) => `account ${index}`)
    const connection = openPatientRedis(redis.url)
    const options = {
      connection,
      find: store.find,
      open: store.open,
      clock: systemClock,
      onEvent: () => {},
    }
    const web = createBullmq({ ...options, concurrency: 1, isWorker: false }).createEngine(async () => {})
    // The worst order: each account queues all of its jobs before the next one comes.
    for (const accountId of accounts) {
      for (let index = 0; index < jobCount / accountCount; index += 1) {
        const job = newJob({ owner: { accountId, uid: "one" } })
        await store.insert(job)
        await web.add((await store.find(job.id))!)
      }
    }
    const listedMs = []
    for (const accountId of accounts) {
      const startedMs = performance.now()
      const listed = await store.list({ accountId, uid: "one" }, { now: new Date(), limit: 100 })
      expect(listed).toHaveLength(Math.min(100, jobCount / accountCount))
      listedMs.push(performance.now() - startedMs)
    }
    const medianMs = listedMs.toSorted((a, b) => a - b)[Math.floor(accountCount / 2)] ?? Infinity
    expect(medianMs).toBeLessThan(100)

    const begun: string[] = []
    const allBegan = Promise.withResolvers<void>()
    const times = { endedAt: new Date(), expiresAt: new Date(Date.now() + 1000) }
    const startedMs = performance.now()
    const { createEngine } = createBullmq({ ...options, concurrency: 4, isWorker: true })
    const engine = createEngine(async (id) => {
      const job = await store.begin(id, new Date())
      if (job === undefined) return
      begun.push(job.owner.accountId)
      await store.end(job, { parts: [] }, { state: "complete", ...times })
      if (begun.length === jobCount) allBegan.resolve()
    })
    await allBegan.promise
    console.info(`list ${medianMs.toFixed(1)} ms, all jobs ${Math.round(performance.now() - startedMs)} ms`)
    await engine.close()
    await web.close()
    connection.close()
    const firstThird = begun.findIndex(
      (account, index) => begun.slice(0, index).filter((other) => other === account).length === 2,
    )
    expect(new Set(begun.slice(0, firstThird)).size).toBe(accounts.length)
    expect(begun).toHaveLength(jobCount)
  }, 1_200_000)
})
