import { afterAll, beforeAll, expect, test } from "bun:test"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { createExportCheck } from "../../src/dev/check-export.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { openStorage, type Storage } from "../../src/storage/storage.ts"
import { type FragileFerretdb, startFragileFerretdb } from "../support/ferretdb.ts"
import { createJobClient } from "../support/job-client.ts"
import { describeWithFerretdb, mongodbStartTimeoutMs } from "../support/mongodb.ts"
import { describeWithRedis, startRedis } from "../support/redis-server.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { until } from "../support/until.ts"
import { describeWithS3, type ObjectStore, s3StartTimeoutMs, startObjectStore } from "../support/versitygw.ts"

/** If set, the long run: four jobs of OUTAGES_MEMBERS, and faults for as many seconds. */
const seconds = Number(process.env["OUTAGES_S"] ?? 0)
const members = Number(process.env["OUTAGES_MEMBERS"] ?? 4000)
/** How long Redis, the database and the store are down. */
const downMs = Number(process.env["S3_DOWN_MS"] ?? 2000)
const isLong = seconds > 0
const frozenMs = 20_000

const mailchimp = startSandbox({
  decision: "approve",
  latencyMs: Number(process.env["OUTAGES_LATENCY_MS"] ?? 200),
  accounts: [{ lists: [{ name: "Busy", count: members, imports: [250] }] }],
})
const { sandbox } = mailchimp
const listIds = sandbox.state.accounts[0]!.lists.map(({ id }) => id)

type Processes = ReturnType<typeof serviceProcesses>
type Process = Awaited<ReturnType<Processes["start"]>>

/** FerretDB, because it keeps its data on disk and may be killed. */
const describeWithAll = (name: string, suite: () => void) =>
  describeWithRedis(name, () =>
    describeWithFerretdb("with one MongoDB", () => describeWithS3("in S3", suite)),
  )

describeWithAll("jobs of several workers", () => {
  let redis: Awaited<ReturnType<typeof startRedis>>
  let database: FragileFerretdb
  let store: ObjectStore
  let bucket: ReturnType<ObjectStore["createBucket"]>
  let processes: Processes
  let storage: Storage
  let web: Process
  let client: ReturnType<typeof createJobClient>
  const redisFolder = temporaryFolder()

  beforeAll(async () => {
    redis = await startRedis({ dataFolder: redisFolder.path })
    database = await startFragileFerretdb()
    store = await startObjectStore()
    bucket = store.createBucket()
    const mongodbUri = `mongodb://${database.host}/outages`
    processes = serviceProcesses(mailchimp, {
      ...store.env,
      MONGODB_URI: mongodbUri,
      REDIS_URL: redis.url,
      JOB_FILES: `s3://${bucket.name}/jobs`,
      JOB_PART_MB: "1",
      CURSOR_MARGIN_S: "1",
      MAILCHIMP_PAGE_SIZE: isLong ? "1000" : "100",
      ...(!isLong && { MAILCHIMP_MAX_CONNECTIONS: "2" }),
    })
    storage = await openStorage({ mongodbUri })
    web = await processes.start({ ROLE: "web" })
    client = createJobClient(() => web, await connectAccount(web))
  }, mongodbStartTimeoutMs + s3StartTimeoutMs)

  afterAll(async () => {
    sandbox.churn.stop()
    await processes.end()
    await storage.close()
    await database.stop()
    await store.stop()
    await redis.kill9()
    redisFolder.remove()
    await mailchimp.stop()
  })

  /** While the database is down a worker does not start. */
  async function startWorker(tries = 5): Promise<Process> {
    return processes.start({ ROLE: "worker", JOB_CONCURRENCY: "4" }).catch((error: unknown) => {
      if (tries === 1) throw error
      return startWorker(tries - 1)
    })
  }

  async function restartRedis({ keepsData }: { keepsData: boolean }) {
    await redis.kill9()
    await Bun.sleep(downMs)
    redis = await startRedis({ port: redis.port, ...(keepsData && { dataFolder: redisFolder.path }) })
  }
  async function restartDatabase() {
    await database.kill9()
    await Bun.sleep(downMs)
    await database.restart()
  }
  async function restartStore() {
    await store.kill9()
    await Bun.sleep(downMs)
    await store.restart()
  }

  const attemptsOf = (ids: readonly string[]) =>
    Promise.all(ids.map(async (id) => (await storage.jobs.find(id))?.attempt ?? 0))

  async function expectExact(id: string, startedMs: number) {
    const job = await client.ended(id)
    expect([job.state, job.error]).toEqual(["complete", null])
    const check = createExportCheck(sandbox, listIds, startedMs)
    for (const row of await client.rows(job)) check.take(row)
    // What was read last is recorded once the store and the database respond.
    const report = check.report(Date.now(), () => Date.parse(job.ended_at ?? "") - 5000 - 3 * downMs)
    expect(report).toMatchObject({ missing: 0, stale: 0, backwards: 0, foreign: 0 })
    const named = job.parts.map(({ name }) => name)
    // What a run could not remove while the store was down is removed by the purge of a process that starts.
    const names = () => readdirSync(join(bucket.path, "jobs", id)).toSorted()
    for (const name of names().filter((name) => !named.includes(name)))
      expect((await client.request(`/${id}/parts/${name}`)).status).toBe(404)
    await until("the removal of other files", () => names().length <= named.length, { everyMs: 50 })
    expect(names()).toEqual(named)
  }

  const short = () =>
    test("jobs are exact although the store, the database and Redis are killed, each for some time", async () => {
      const worker = await startWorker()
      sandbox.churn.start({ everyPage: { edits: 1, archives: 1, additions: 1 } })
      const startedMs = Date.now()
      const request = { compression: "none" }
      const ids = [await client.start(request), await client.start(request)].map(({ id }) => id)
      const hasPart = async (id: string) => (await client.read(id)).parts.length > 0
      await until("parts of both", async () => (await Promise.all(ids.map(hasPart))).every(Boolean), {
        everyMs: 50,
      })
      await restartStore()
      await restartDatabase()
      await restartRedis({ keepsData: false })
      for (const id of ids) await client.ended(id)
      sandbox.churn.stop()
      const next = await startWorker()
      for (const id of ids) await expectExact(id, startedMs)
      for (const each of [worker, next]) expect((await each.stop()).exitCode).toBe(0)
    }, 120_000)

  const long = () =>
    test("four jobs are exact although workers are killed and frozen, and Redis, the database and the store killed, again and again", async () => {
      const workers = await Promise.all([startWorker(), startWorker(), startWorker()])
      const startedMs = Date.now()
      sandbox.churn.start({ everyPage: { edits: 1, archives: 1, additions: 1 } })
      const jobs = [await client.start(), await client.start(), await client.start(), await client.start()]
      const ids = jobs.map(({ id }) => id)
      const counts = { workers: 0, freezes: 0, redis: 0, database: 0, store: 0 }
      const pick = () => Math.floor(Math.random() * workers.length)
      const isOver = async () => {
        if (Date.now() - startedMs > seconds * 1000) return true
        const open = await storage.jobs.countOpen().catch(() => undefined)
        return open !== undefined && open.queued + open.running === 0
      }
      const killWorkers = async () => {
        while (!(await isOver())) {
          await Bun.sleep(10_000)
          const index = pick()
          await workers[index]!.kill()
          workers[index] = await startWorker()
          counts.workers += 1
        }
      }
      const freezeWorker = async () => {
        const { pid } = workers[pick()]!
        process.kill(pid, "SIGSTOP")
        await Bun.sleep(frozenMs)
        counts.freezes += 1
        // It may have been killed meanwhile.
        if (existsSync(`/proc/${pid}`)) process.kill(pid, "SIGCONT")
      }
      const faults = [
        () => restartStore().then(() => (counts.store += 1)),
        () => restartDatabase().then(() => (counts.database += 1)),
        () => restartRedis({ keepsData: counts.redis % 2 === 0 }).then(() => (counts.redis += 1)),
        freezeWorker,
      ]
      const breakServers = async () => {
        for (let next = 0; !(await isOver()); next += 1) {
          await Bun.sleep(5000)
          await faults[next % faults.length]!()
        }
      }
      await Promise.all([killWorkers(), breakServers()])
      for (const id of ids) await client.ended(id)
      sandbox.churn.stop()
      console.info(counts, `attempts ${await attemptsOf(ids)}`, `${Date.now() - startedMs} ms`)
      await startWorker()
      for (const id of ids) await expectExact(id, startedMs)
    }, 3_600_000)

  if (isLong) long()
  else short()
})
