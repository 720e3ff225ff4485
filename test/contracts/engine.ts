import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Engine, RunJob } from "../../src/jobs/engine/engine.ts"
import type { OpenJob } from "../../src/jobs/job.ts"
import { until } from "../support/until.ts"

/** The open jobs of a database, and their runs, which last until the test ends them. */
export function createFakeJobs() {
  const open: OpenJob[] = []
  const started: string[] = []
  const aborted: string[] = []
  const running = new Map<string, ReturnType<typeof Promise.withResolvers<void>>>()
  const run: RunJob = async (id, signal) => {
    if (!open.some((job) => job.id === id)) return
    const ended = Promise.withResolvers<void>()
    signal.addEventListener("abort", () => {
      aborted.push(id)
      ended.resolve()
    })
    started.push(id)
    running.set(id, ended)
    await ended.promise.finally(() => running.delete(id))
  }
  const forget = (id: string) => {
    const index = open.findIndex((job) => job.id === id)
    if (index >= 0) open.splice(index, 1)
  }
  return {
    run,
    open: async (limit: number) => open.slice(0, limit),
    find: async (id: string) => {
      const job = open.find((each) => each.id === id)
      return job && { ...job, state: "queued" as const }
    },
    started,
    aborted,
    running: () => [...running.keys()],
    insert: (openBefore = 0): OpenJob => {
      const job = { id: `job_${crypto.randomUUID()}`, openBefore }
      open.push(job)
      return job
    },
    reopen: (job: OpenJob) => void open.push(job),
    forget,
    end: (id: string) => {
      forget(id)
      running.get(id)?.resolve()
    },
    fail: (id: string) => running.get(id)?.reject(new Error("no database")),
  }
}

export type FakeJobs = ReturnType<typeof createFakeJobs>

/** What every engine does, of whatever makes it run the jobs. */
export function engineContract(
  name: string,
  options: {
    readonly open: () => Promise<void>
    readonly close: () => Promise<void>
    /** A new engine over the jobs of one database, two of which run at once. */
    readonly create: (jobs: FakeJobs) => Engine
  },
  describeSuite: (name: string, suite: () => void) => void = describe,
) {
  describeSuite(`${name}: an engine`, () => {
    beforeAll(options.open)
    afterAll(options.close)

    async function withEngine(work: (engine: Engine, jobs: FakeJobs) => Promise<void>) {
      const jobs = createFakeJobs()
      const engine = options.create(jobs)
      try {
        await work(engine, jobs)
      } finally {
        await engine.close()
      }
    }

    test("runs as many of the added jobs as may run, and the next when one ends", () =>
      withEngine(async (engine, jobs) => {
        const added = [jobs.insert(), jobs.insert(), jobs.insert()]
        for (const job of added) await engine.add(job)
        await until("two runs", () => jobs.started.length === 2)
        await Bun.sleep(50)
        expect(jobs.started).toHaveLength(2)
        jobs.end(jobs.started[0]!)
        await until("the third run", () => jobs.started.length === 3)
        expect(jobs.started.toSorted()).toEqual(added.map(({ id }) => id).toSorted())
        for (const { id } of added) jobs.end(id)
      }))

    test("runs the jobs that it finds unfinished when it starts", async () => {
      const jobs = createFakeJobs()
      const { id } = jobs.insert()
      const engine = options.create(jobs)
      await until("the run", () => jobs.started.includes(id))
      jobs.end(id)
      await engine.close()
    })

    test("runs a job once, although it is added again while it runs", () =>
      withEngine(async (engine, jobs) => {
        const job = jobs.insert()
        await engine.add(job)
        await until("the run", () => jobs.started.length === 1)
        await engine.add(job)
        await Bun.sleep(100)
        jobs.end(job.id)
        await Bun.sleep(100)
        expect(jobs.started).toEqual([job.id])
      }))

    test("repeats a run that the database has failed, after a pause", () =>
      withEngine(async (engine, jobs) => {
        const job = jobs.insert()
        await engine.add(job)
        await until("the run", () => jobs.started.length === 1)
        jobs.fail(job.id)
        await Bun.sleep(500)
        expect(jobs.started).toHaveLength(1)
        await until("the second run", () => jobs.started.length === 2)
        jobs.end(job.id)
      }))

    test("cancel() resolves when the run has stopped, and the job does not run again", () =>
      withEngine(async (engine, jobs) => {
        const job = jobs.insert()
        await engine.add(job)
        await until("the run", () => jobs.running().length === 1)
        jobs.forget(job.id)
        await engine.cancel(job.id)
        expect([jobs.running(), jobs.aborted]).toEqual([[], [job.id]])
        await engine.cancel("unknown")
        await Bun.sleep(100)
        expect(jobs.started).toHaveLength(1)
      }))

    test("close() hands the running jobs back, and the next engine runs them at once", async () => {
      const jobs = createFakeJobs()
      const first = options.create(jobs)
      const { id } = jobs.insert()
      await first.add({ id, openBefore: 0 })
      await until("the run", () => jobs.running().length === 1)
      const second = options.create(jobs)
      await first.close()
      await first.close()
      expect(jobs.aborted).toEqual([id])
      await until("the second run", () => jobs.started.length === 2, { withinS: 4 })
      expect(second.runsHere()).toBe(true)
      jobs.end(id)
      await second.close()
    })

    test("a job that is opened again while its run ends runs again", () =>
      withEngine(async (engine, jobs) => {
        const job = jobs.insert()
        await engine.add(job)
        await until("the run", () => jobs.running().length === 1)
        jobs.end(job.id)
        // As a retry does that is sent as soon as the failure is recorded.
        jobs.reopen(job)
        await engine.add(job)
        await until("the second run", () => jobs.started.filter((id) => id === job.id).length === 2)
        jobs.end(job.id)
      }))
  })
}
