import { afterAll, beforeAll, expect, test } from "bun:test"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { createExportCheck } from "../../src/dev/check-export.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { openStorage, type Storage } from "../../src/storage/storage.ts"
import { createJobClient, problemOf } from "../support/job-client.ts"
import { atomicMongodb, mongodbStartTimeoutMs } from "../support/mongodb.ts"
import { describeWithRedis, startRedis } from "../support/redis-server.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { until } from "../support/until.ts"

const deletions = Number(process.env["WORKERS_DELETIONS"] ?? 3)

const mailchimp = startSandbox({
  decision: "approve",
  latencyMs: 200,
  accounts: [{ lists: [{ name: "Busy", count: 2000, imports: [250] }] }],
})
const { sandbox } = mailchimp
const listIds = sandbox.state.accounts[0]!.lists.map(({ id }) => id)

type Processes = ReturnType<typeof serviceProcesses>
type Process = Awaited<ReturnType<Processes["start"]>>

describeWithRedis("jobs of several processes", () => {
  atomicMongodb.describe("with one MongoDB", () => {
    let redis: Awaited<ReturnType<typeof startRedis>>
    let processes: Processes
    let storage: Storage
    let web: Process
    let client: ReturnType<typeof createJobClient>
    const redisFolder = temporaryFolder()

    beforeAll(async () => {
      redis = await startRedis({ dataFolder: redisFolder.path })
      const uri = await atomicMongodb.newUri()
      processes = serviceProcesses(mailchimp, {
        MONGODB_URI: uri,
        REDIS_URL: redis.url,
        JOB_FILES_SHARED: "true",
        JOB_PART_MB: "1",
        JOB_CONCURRENCY: "1",
        CURSOR_MARGIN_S: "1",
        MAILCHIMP_PAGE_SIZE: "100",
        MAILCHIMP_MAX_CONNECTIONS: "2",
      })
      storage = await openStorage({ mongodbUri: uri })
      web = await processes.start({ ROLE: "web" })
      client = createJobClient(() => web, await connectAccount(web))
    }, mongodbStartTimeoutMs)

    afterAll(async () => {
      sandbox.churn.stop()
      await processes.end()
      await storage.close()
      await redis.kill9()
      redisFolder.remove()
      await mailchimp.stop()
    })

    /** A busy machine may take longer than a process may take to start. */
    async function startWorker(concurrency: number, tries = 5): Promise<Process> {
      const changes = { ROLE: "worker", JOB_CONCURRENCY: String(concurrency) }
      return processes.start(changes).catch((error: unknown) => {
        if (tries === 1) throw error
        return startWorker(concurrency, tries - 1)
      })
    }
    const folderOf = (id: string) => join(processes.env["JOB_FILES"] ?? "", id)
    const attemptsOf = async (ids: readonly string[]) =>
      Promise.all(ids.map(async (id) => (await storage.jobs.find(id))?.attempt ?? 0))

    async function expectExact(id: string, startedMs: number) {
      const job = await client.ended(id)
      expect([job.state, job.error]).toEqual(["complete", null])
      const check = createExportCheck(sandbox, listIds, startedMs)
      for (const row of await client.rows(job)) check.take(row)
      const report = check.report(Date.now(), () => Date.parse(job.ended_at ?? "") - 5000)
      expect(report).toMatchObject({ missing: 0, stale: 0, backwards: 0, foreign: 0 })
      const named = job.parts.map(({ name }) => name)
      await until("the removal of other files", () => readdirSync(folderOf(id)).length <= named.length)
      expect(readdirSync(folderOf(id)).toSorted()).toEqual(named)
    }

    test("a worker answers for its health and its metrics alone", async () => {
      const worker = await startWorker(1)
      expect((await fetch(`${worker.url}/healthz`)).status).toBe(200)
      expect(await (await fetch(`${worker.url}/readyz`)).text()).toBe(`{"status":"ok","redis":"up"}`)
      const metrics = await (await fetch(`${worker.url}/metrics`)).text()
      expect(metrics).toContain("mailchimp_export_job_workers 1")
      expect((await fetch(`${worker.api}/export-jobs`)).status).toBe(404)
      expect((await worker.stop()).exitCode).toBe(0)
    }, 60_000)

    test("jobs of a worker that is killed (-9) and of one that is frozen continue elsewhere within 25 s, and are exact", async () => {
      const [killed, frozen] = [await startWorker(1), await startWorker(1)]
      sandbox.churn.start({ everyPage: { edits: 1, archives: 1, additions: 1 } })
      const startedMs = Date.now()
      const ids = [await client.start({ compression: "none" }), await client.start()].map(({ id }) => id)
      await until("both runs", async () => (await attemptsOf(ids)).join() === "1,1")
      const other = await startWorker(2)
      await Bun.sleep(1000)
      const sinceMs = Date.now()
      await killed.kill()
      process.kill(frozen.pid, "SIGSTOP")
      await until("new runs of both jobs", async () => (await attemptsOf(ids)).every((n) => n >= 2), {
        withinS: 25,
        everyMs: 100,
      })
      console.info(`continued after ${Date.now() - sinceMs} ms`)
      process.kill(frozen.pid, "SIGCONT")
      await redis.kill9()
      await Bun.sleep(1000)
      // Without its data.
      redis = await startRedis({ port: redis.port })
      await Promise.all(ids.map((id) => expectExact(id, startedMs)))
      sandbox.churn.stop()
      expect((await other.stop()).exitCode).toBe(0)
      expect((await frozen.stop()).exitCode).toBe(0)
    }, 120_000)

    test("a job that is deleted at another replica at a random moment stops, and leaves nothing", async () => {
      const workers = [await startWorker(2), await startWorker(2)]
      const ids: string[] = []
      for (let deletion = 0; deletion < deletions; deletion += 1) {
        const { id } = await client.start({ compression: "none" })
        ids.push(id)
        await Bun.sleep(Math.random() * 2500)
        expect((await client.cancel(id)).state).toBe("canceled")
        expect(await problemOf(await client.request(`/${id}/members`))).toEqual([409, "job_not_finished"])
      }
      await until("the removal of all files", () => !ids.some((id) => existsSync(folderOf(id))), {
        withinS: 45,
        everyMs: 50,
      })
      for (const id of ids) expect(await client.read(id)).toMatchObject({ state: "canceled", parts: [] })
      for (const worker of workers) expect((await worker.stop()).exitCode).toBe(0)
    }, 120_000)
  })
})
