import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Job, JobStore, NewJob } from "../../src/jobs/job.ts"
import { mongodbStartTimeoutMs } from "../support/mongodb.ts"
import type { StoreUnderTest } from "./connection-store.ts"
import { at, error, newJob, progress, times } from "./job-store.ts"

/** What replicas must not be able to do to a job together, in a store whose updates of one job are atomic. */
export function jobStoreRaces(
  name: string,
  create: () => Promise<StoreUnderTest<JobStore>> | StoreUnderTest<JobStore>,
  describeSuite: (name: string, suite: () => void) => void = describe,
) {
  describeSuite(`${name}: races of jobs`, () => {
    let underTest: StoreUnderTest<JobStore>
    let replicas: JobStore[]
    let store: JobStore

    beforeAll(async () => {
      underTest = await create()
      replicas = await Promise.all(Array.from({ length: 4 }, () => underTest.open()))
      store = replicas[0]!
    }, mongodbStartTimeoutMs)

    afterAll(() => underTest.close())

    /** Calls at once, through all replicas in turn. */
    function atOnce<T>(count: number, call: (replica: JobStore, index: number) => Promise<T>): Promise<T[]> {
      return Promise.all(Array.from({ length: count }, (_, index) => call(replicas[index % 4]!, index)))
    }

    async function inserted(): Promise<NewJob> {
      const job = newJob()
      await store.insert(job)
      return job
    }

    async function begun(): Promise<Job> {
      const { id } = await inserted()
      const job = await store.begin(id, at(50))
      if (job === undefined) throw new Error("the job cannot begin")
      return job
    }

    test("of 40 concurrent inserts with one key, one wins", async () => {
      const requestKey = crypto.randomUUID()
      const isInserted = await atOnce(40, (replica) => replica.insert(newJob({ requestKey })))
      expect(isInserted.filter(Boolean)).toHaveLength(1)
    })

    test("of 20 concurrent inserts with a key that each gives up first, one wins", async () => {
      const requestKey = crypto.randomUUID()
      const old = newJob({ requestKey })
      await store.insert(old)
      const isInserted = await atOnce(20, async (replica) => {
        await replica.freeRequestKey(requestKey, old.createdAt)
        return replica.insert(newJob({ requestKey }))
      })
      expect(isInserted.filter(Boolean)).toHaveLength(1)
    })

    test("20 concurrent runs get 20 attempts, and only the last one may write", async () => {
      const { id } = await inserted()
      const runs = await atOnce(20, (replica) => replica.begin(id, at(50)))
      expect(new Set(runs.map((run) => run?.attempt)).size).toBe(20)
      const written = await atOnce(20, (replica, index) =>
        replica.end(runs[index]!, progress, { state: "complete", ...times }),
      )
      expect(runs.filter((_, index) => written[index]).map((run) => run?.attempt)).toEqual([20])
    })

    test("of 20 concurrent retries of a failed job, one wins", async () => {
      const job = await begun()
      await store.end(job, progress, { state: "failed", error, ...times })
      const retried = await atOnce(20, (replica) => replica.requeue(job.id))
      expect(retried.filter(Boolean)).toHaveLength(1)
    })

    test("a run that saves while another begins has saved before, or not at all", async () => {
      for (let round = 0; round < 20; round += 1) {
        const job = await begun()
        const [hasSaved, next] = await Promise.all([
          store.save(job, progress),
          replicas[1]!.begin(job.id, at(60)),
        ])
        expect(next?.attempt).toBe(2)
        expect(next?.parts).toEqual(hasSaved ? progress.parts : [])
        expect((await store.find(job.id))?.parts).toEqual(hasSaved ? progress.parts : [])
      }
    })

    test("a cancellation leaves no parts and no open job, whatever else happens to the job at once", async () => {
      for (let round = 0; round < 20; round += 1) {
        const job = await begun()
        await Promise.all([
          store.save(job, progress),
          replicas[1]!.begin(job.id, at(60)),
          replicas[2]!.cancel(job.id, times),
          replicas[3]!.end(job, progress, {
            state: round % 2 === 0 ? "complete" : "failed",
            error,
            ...times,
          }),
          replicas[0]!.requeue(job.id),
        ])
        expect(await store.find(job.id)).toMatchObject({ state: "canceled", parts: [], ...times })
        expect(await store.begin(job.id, at(70))).toBeUndefined()
      }
    })

    test("a job that is deleted with its connection while it is written does not come back", async () => {
      for (let round = 0; round < 20; round += 1) {
        const job = await begun()
        await Promise.all([
          store.save(job, progress),
          replicas[1]!.begin(job.id, at(60)),
          replicas[2]!.deleteOfConnection(job.connectionId),
          replicas[3]!.end(job, progress, { state: "complete", ...times }),
        ])
        expect(await store.find(job.id)).toBeUndefined()
      }
    })
  })
}
