import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Job, JobProgress, JobStore, NewJob } from "../../src/jobs/job.ts"
import { mongodbStartTimeoutMs } from "../support/mongodb.ts"
import { newOwner, type StoreUnderTest } from "./connection-store.ts"

const startMs = Date.parse("2026-03-01T10:00:00.123Z")
let jobs = 0

/** A job that nothing else uses; each a second after the one before. */
export function newJob(changes: Partial<NewJob> = {}): NewJob {
  jobs += 1
  const id = `job_${crypto.randomUUID().replaceAll("-", "")}`
  return {
    id,
    owner: newOwner(),
    connectionId: crypto.randomUUID(),
    requestKey: id,
    request: { selection: { includeArchived: false }, format: "ndjson", compression: "gzip" },
    createdAt: new Date(startMs + jobs * 1000),
    ...changes,
  }
}

const partOf = (number: number) => ({
  name: `0000${number}-1.ndjson.gz`,
  rows: 1000,
  bytes: 2000,
  sha256: "ab".repeat(32),
})
const columns = [
  {
    id: "a1b2c3d4e5",
    name: "Tea",
    mergeFields: [{ tag: "FNAME", name: "First Name", type: "text" }],
    interestCategories: [{ id: "1", title: "Kinds", interests: [{ id: "2", name: "Green" }] }],
  },
]
export const progress: JobProgress = {
  cursor: "a.b.c",
  estimate: 5000,
  columns,
  parts: [partOf(1), partOf(2)],
}
export const at = (seconds: number) => new Date(startMs + seconds * 1000)
export const times = { endedAt: at(100_000), expiresAt: at(200_000) }
export const error = { code: "mailchimp_error", detail: "Mailchimp failed", retryable: true } as const

/** The contract of every store of jobs, but for `jobStoreRaces`. */
export function jobStoreContract(
  name: string,
  create: () => Promise<StoreUnderTest<JobStore>> | StoreUnderTest<JobStore>,
  describeSuite: (name: string, suite: () => void) => void = describe,
) {
  describeSuite(`${name}: jobs`, () => {
    let underTest: StoreUnderTest<JobStore>
    let store: JobStore

    beforeAll(async () => {
      underTest = await create()
      store = await underTest.open()
    }, mongodbStartTimeoutMs)

    afterAll(() => underTest.close())

    async function inserted(changes: Partial<NewJob> = {}): Promise<NewJob> {
      const job = newJob(changes)
      expect(await store.insert(job)).toBe(true)
      return job
    }

    async function begun(changes: Partial<NewJob> = {}): Promise<Job> {
      const { id } = await inserted(changes)
      const job = await store.begin(id, at(50))
      if (job === undefined) throw new Error("the job cannot begin")
      return job
    }

    test("find() returns what was inserted, queued and without parts", async () => {
      const job = await inserted({
        request: {
          listIds: ["a1b2c3d4e5", "f6a7b8c9d0"],
          selection: {
            statuses: ["cleaned", "subscribed"],
            since: 1_700_000_000,
            fields: ["email_address"],
            includeArchived: true,
          },
          format: "csv",
          formulas: "raw",
          bom: true,
          compression: "none",
          cursor: "x.y.z",
        },
      })
      expect(await store.find(job.id)).toEqual({
        ...job,
        state: "queued",
        attempt: 0,
        openBefore: 0,
        parts: [],
      })
      expect(await store.find(newJob().id)).toBeUndefined()
    })

    test("insert() stores nothing if the request key is used, until it is given up", async () => {
      const first = await inserted({ requestKey: "key-1" })
      const second = newJob({ requestKey: "key-1" })
      expect(await store.insert(second)).toBe(false)
      expect((await store.findByRequestKey("key-1"))?.id).toBe(first.id)
      await store.freeRequestKey("key-1", new Date(first.createdAt.getTime() - 1))
      expect(await store.insert(second)).toBe(false)
      await store.freeRequestKey("key-1", first.createdAt)
      expect(await store.insert(second)).toBe(true)
      expect((await store.findByRequestKey("key-1"))?.id).toBe(second.id)
      expect((await store.find(first.id))?.id).toBe(first.id)
    })

    test("begin() counts the runs of an open job, and keeps its first start and its progress", async () => {
      const first = await begun()
      expect(first).toMatchObject({ state: "running", attempt: 1, startedAt: at(50) })
      expect(await store.save(first, progress)).toBe(true)
      const second = await store.begin(first.id, at(60))
      expect(second).toMatchObject({ ...progress, state: "running", attempt: 2, startedAt: at(50) })
    })

    test("only the newest run of a running job may write", async () => {
      const first = await begun()
      expect(await store.save(first, progress)).toBe(true)
      const second = await store.begin(first.id, at(60))
      const later = { ...progress, parts: [...progress.parts, partOf(3)] }
      expect(await store.save(first, later)).toBe(false)
      expect(await store.end(first, later, { state: "complete", ...times })).toBe(false)
      expect(await store.find(first.id)).toEqual(second)
      expect(await store.end(second!, later, { state: "short", ...times })).toBe(true)
      expect(await store.find(first.id)).toEqual({ ...second!, ...later, state: "short", ...times })
      expect(await store.save(second!, progress)).toBe(false)
      expect(await store.begin(first.id, at(70))).toBeUndefined()
    })

    test("a canceled job has no parts, and no run can write to it or begin", async () => {
      const job = await begun()
      await store.save(job, progress)
      await store.cancel(job.id, times)
      expect(await store.save(job, progress)).toBe(false)
      expect(await store.end(job, progress, { state: "complete", ...times })).toBe(false)
      expect(await store.begin(job.id, at(70))).toBeUndefined()
      const canceled = await store.find(job.id)
      expect(canceled).toMatchObject({ state: "canceled", parts: [], ...times })
      expect(canceled?.columns).toBeUndefined()
      await store.cancel(job.id, { endedAt: at(300_000), expiresAt: at(400_000) })
      expect(await store.find(job.id)).toEqual(canceled)
    })

    test("requeue() opens a failed job again, with what it has, and no other job", async () => {
      const job = await begun()
      expect(await store.requeue(job.id)).toBe(false)
      await store.end(job, progress, { state: "failed", error, ...times })
      expect(await store.find(job.id)).toMatchObject({ state: "failed", error, ...times })
      expect(await store.requeue(job.id)).toBe(true)
      const queued = await store.find(job.id)
      expect(queued).toMatchObject({ ...progress, state: "queued", attempt: 1 })
      expect([queued?.error, queued?.endedAt, queued?.expiresAt]).toEqual([undefined, undefined, undefined])
      expect(await store.requeue(job.id)).toBe(false)
    })

    test("list() returns the owner's jobs, newest first, from any of them on, and none that has expired", async () => {
      const owner = newOwner()
      const created = []
      for (let index = 0; index < 5; index += 1) created.push(await inserted({ owner }))
      await inserted({ owner: { ...owner, uid: "another" } })
      const ids = created.map(({ id }) => id).toReversed()
      const idsOf = async (options: Parameters<JobStore["list"]>[1]) =>
        (await store.list(owner, options)).map(({ id }) => id)
      expect(await idsOf({ now: at(0), limit: 100 })).toEqual(ids)
      expect(await idsOf({ now: at(0), limit: 2 })).toEqual(ids.slice(0, 2))
      expect(await idsOf({ now: at(0), limit: 2, before: created[3]! })).toEqual(ids.slice(2, 4))
      const run = await store.begin(ids[0]!, at(50))
      await store.end(run!, progress, { state: "complete", ...times })
      const [newest] = await store.list(owner, { now: at(199_999), limit: 1 })
      expect(newest).toMatchObject({ state: "complete", rows: 2000, bytes: 4000, cursor: "a.b.c" })
      expect(newest).not.toHaveProperty("parts")
      expect(newest).not.toHaveProperty("columns")
      expect(await idsOf({ now: times.expiresAt, limit: 100 })).toEqual(ids.slice(1))
    })

    test("jobs created in one millisecond are listed once each, page by page", async () => {
      const owner = newOwner()
      const createdAt = at(0)
      const created = await Promise.all(Array.from({ length: 5 }, () => inserted({ owner, createdAt })))
      const seen: string[] = []
      for (let before: NewJob | undefined; ;) {
        const page = await store.list(owner, { now: at(0), limit: 2, ...(before && { before }) })
        if (page.length === 0) break
        seen.push(...page.map(({ id }) => id))
        before = page.at(-1)
      }
      expect(seen.toSorted()).toEqual(created.map(({ id }) => id).toSorted())
    })

    test("countOpen() counts the jobs that have not ended, by state", async () => {
      const before = await store.countOpen()
      await inserted()
      await begun()
      const { id, attempt } = await begun()
      const { queued, running } = await store.countOpen()
      expect([queued - before.queued, running - before.running]).toEqual([1, 2])
      await store.end({ id, attempt }, progress, { state: "complete", ...times })
      expect((await store.countOpen()).running).toBe(running - 1)
    })

    test("open() gives each account its first job before any account's second", async () => {
      const [busy, quiet] = [newOwner(), newOwner()]
      const busyJobs = []
      for (let index = 0; index < 3; index += 1) busyJobs.push(await inserted({ owner: busy }))
      const quietJob = await inserted({ owner: { ...quiet, uid: "one" } })
      const quietSecond = await inserted({ owner: { ...quiet, uid: "two" } })
      const mine = [...busyJobs, quietJob, quietSecond].map(({ id }) => id)
      const openIds = async () => (await store.open(1000)).map(({ id }) => id)
      const open = (await store.open(1000)).filter(({ id }) => mine.includes(id))
      expect(open.map(({ id }) => id)).toEqual([mine[0]!, mine[3]!, mine[1]!, mine[4]!, mine[2]!])
      expect(open.map(({ openBefore }) => openBefore)).toEqual([0, 0, 1, 1, 2])
      const run = await store.begin(mine[0]!, at(50))
      expect(await openIds()).toContain(mine[0]!)
      await store.end(run!, progress, { state: "complete", ...times })
      expect(await openIds()).not.toContain(mine[0]!)
      expect(await store.open(2)).toHaveLength(2)
    })

    test("deleteOfConnection() deletes the jobs of one connection, in any state", async () => {
      const connectionId = crypto.randomUUID()
      const [first, second, other] = [
        await begun({ connectionId }),
        await inserted({ connectionId }),
        await inserted(),
      ]
      const deleted = await store.deleteOfConnection(connectionId)
      expect(deleted.toSorted()).toEqual([first.id, second.id].toSorted())
      expect(await store.find(first.id)).toBeUndefined()
      expect(await store.save(first, progress)).toBe(false)
      expect((await store.find(other.id))?.id).toBe(other.id)
      expect(await store.deleteOfConnection(connectionId)).toEqual([])
    })

    test("deleteExpired() deletes what expired until a moment, and no open job", async () => {
      const [ended, open] = [await begun(), await begun()]
      await store.end(ended, progress, { state: "failed", error, ...times })
      await store.deleteExpired(at(199_999))
      expect((await store.find(ended.id))?.state).toBe("failed")
      await store.deleteExpired(times.expiresAt)
      expect(await store.find(ended.id)).toBeUndefined()
      expect((await store.find(open.id))?.state).toBe("running")
    })
  })
}
