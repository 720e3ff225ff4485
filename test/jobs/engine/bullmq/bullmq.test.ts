import { afterAll, afterEach, beforeAll, expect, test } from "bun:test"
import { createBullmq, type BullmqDeps } from "../../../../src/jobs/engine/bullmq/bullmq.ts"
import { watchWorkers } from "../../../../src/jobs/engine/bullmq/watch-workers.ts"
import type { JobEvent } from "../../../../src/jobs/job-event.ts"
import { createStartJob } from "../../../../src/jobs/start-job.ts"
import { systemClock } from "../../../../src/lib/time.ts"
import { openPatientRedis } from "../../../../src/storage/redis/redis.ts"
import { createFakeJobs, type FakeJobs } from "../../../contracts/engine.ts"
import { newJob } from "../../../contracts/job-store.ts"
import { describeWithRedis, startRedis } from "../../../support/redis-server.ts"
import { sqliteUnderTest } from "../../../support/storage-under-test.ts"
import { until } from "../../../support/until.ts"
import { createVirtualClock } from "../../../support/virtual-clock.ts"

const storage = sqliteUnderTest()
afterAll(storage.close)

describeWithRedis("BullMQ", () => {
  let redis: Awaited<ReturnType<typeof startRedis>>
  const closes: (() => Promise<void>)[] = []

  beforeAll(async () => {
    redis = await startRedis()
  })
  afterEach(async () => {
    for (const close of closes.splice(0)) await close()
  })
  afterAll(() => redis.kill9())

  function engineOf(jobs: FakeJobs, changes: Partial<BullmqDeps> = {}) {
    const connection = openPatientRedis(redis.url)
    const events: JobEvent["type"][] = []
    const { createEngine, countWorkers } = createBullmq({
      concurrency: 2,
      isWorker: true,
      lockMs: 1000,
      clock: systemClock,
      onEvent: ({ type }) => void events.push(type),
      connection,
      find: jobs.find,
      open: jobs.open,
      ...changes,
    })
    const engine = createEngine(jobs.run)
    closes.push(async () => {
      await engine.close()
      connection.close()
    })
    return { engine, countWorkers, events, client: connection.client }
  }

  test("a job whose lock is lost is aborted, and continues in another process", async () => {
    const jobs = createFakeJobs()
    const other = createFakeJobs()
    const taken = Promise.withResolvers<void>()
    // As in a process that was frozen: it ends its run late, and has no room for another one until then.
    const frozen: FakeJobs = {
      ...jobs,
      run: async (id, signal) => {
        await jobs.run(id, signal)
        await taken.promise
      },
    }
    const first = engineOf(frozen, { concurrency: 1 })
    const job = jobs.insert()
    await first.engine.add(job)
    await until("the run", () => jobs.started.length === 1)
    other.reopen(job)
    const second = engineOf(other)
    await redis.client.del(`mailchimp-export:export-jobs:${job.id}:lock`)
    await until("the abort", () => jobs.aborted.length === 1)
    await until("a run in the other process", () => other.started.length === 1)
    expect([...first.events, ...second.events]).toContain("job_stalled")
    expect(first.events).not.toContain("job_engine_failed")
    jobs.forget(job.id)
    other.end(job.id)
    taken.resolve()
  })

  test("a job whose lock is lost and got again in the same process runs once at a time, and to its end", async () => {
    const jobs = createFakeJobs()
    let [running, most] = [0, 0]
    const slow: FakeJobs = {
      ...jobs,
      run: async (id, signal) => {
        // An earlier test may have left a job in Redis.
        if ((await jobs.find(id)) === undefined) return
        most = Math.max(most, (running += 1))
        // A run whose disk hangs for a while ends late.
        await jobs.run(id, signal)
        await Bun.sleep(2500)
        running -= 1
      },
    }
    const { engine } = engineOf(slow)
    const { id } = jobs.insert()
    await engine.add({ id, openBefore: 0 })
    await until("the run", () => jobs.started.length === 1)
    await redis.client.del(`mailchimp-export:export-jobs:${id}:lock`)
    await until("the second run", () => jobs.started.length === 2)
    await Bun.sleep(3500)
    expect([most, jobs.started.length]).toEqual([1, 2])
    jobs.end(id)
  })

  test("while Redis does not respond a start is refused in three seconds, canceled, and its key is free again", async () => {
    const { jobs: store } = await storage.open()
    const fake = createFakeJobs()
    const { engine } = engineOf({ ...fake, run: async (id) => void (await store.begin(id, new Date())) })
    const onEvent = () => {}
    const start = createStartJob({ jobs: store, engine, retentionMs: 1000, clock: systemClock, onEvent })
    const { owner, connectionId, request } = newJob()
    const once = { owner, connectionId, request, idempotencyKey: "one" }
    redis.freeze()
    const startedMs = Date.now()
    await expect(start(once)).rejects.toMatchObject({ code: "queue_unavailable", status: 503 })
    expect(Date.now() - startedMs).toBeWithin(2900, 4500)
    const [refused] = await store.list(owner, { now: new Date(), limit: 1 })
    expect(refused?.state).toBe("canceled")
    redis.thaw()
    // The late add finds nothing to run.
    await Bun.sleep(500)
    expect((await store.find(refused!.id))?.state).toBe("canceled")
    const job = await start(once)
    expect(job.id).not.toBe(refused!.id)
    await until("its run", async () => (await store.find(job.id))?.state === "running")
  })

  test("after Redis was killed and has lost its data, every open job runs", async () => {
    const jobs = createFakeJobs()
    const { engine, events } = engineOf(jobs)
    const added = Array.from({ length: 20 }, (_, index) => jobs.insert(index))
    for (const job of added) await engine.add(job)
    await until("two runs", () => jobs.running().length === 2)
    await redis.kill9()
    await Bun.sleep(500)
    redis = await startRedis({ port: redis.port })
    const ended = new Set<string>()
    await until("the end of all jobs", () => {
      for (const id of jobs.running()) {
        ended.add(id)
        jobs.end(id)
      }
      return ended.size === added.length
    })
    expect(events.filter((type) => type === "job_engine_failed").length).toBeLessThanOrEqual(1)
  })

  test("jobs start in the order of their priority", async () => {
    const jobs = createFakeJobs()
    const web = engineOf(jobs, { isWorker: false })
    const added = [3, 0, 2, 1, 0].map((openBefore) => jobs.insert(openBefore))
    for (const job of added) await web.engine.add(job)
    expect([await web.countWorkers(), web.engine.runsHere()]).toEqual([0, false])
    const { countWorkers } = engineOf(jobs, { concurrency: 1 })
    for (let index = 0; index < 5; index += 1) {
      await until("the next run", () => jobs.started.length === index + 1)
      jobs.end(jobs.started[index]!)
    }
    expect(jobs.started).toEqual([1, 4, 3, 2, 0].map((index) => added[index]!.id))
    expect(await countWorkers()).toBe(1)
  })

  test("nothing of a job that has ended is left in Redis", async () => {
    const keys = await redis.client.keys("*job_*")
    expect(keys).toEqual([])
  })
})

test("workers that are missing for a minute are told once, and once when one is seen again", async () => {
  const clock = createVirtualClock()
  const events: JobEvent["type"][] = []
  let workers = 1
  let isDown = false
  const countWorkers = async () => {
    if (isDown) throw new Error("no Redis")
    return workers
  }
  using _watch = watchWorkers({ countWorkers, clock, onEvent: ({ type }) => void events.push(type) })
  await clock.advance(100_000)
  workers = 0
  await clock.advance(50_000)
  expect(events).toEqual([])
  await clock.advance(200_000)
  isDown = true
  await clock.advance(200_000)
  isDown = false
  expect(events).toEqual(["job_workers_missing"])
  workers = 1
  await clock.advance(10_000)
  await clock.advance(100_000)
  expect(events).toEqual(["job_workers_missing", "job_workers_seen"])
})
