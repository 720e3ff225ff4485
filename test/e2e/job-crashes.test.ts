import { afterAll, beforeAll, expect, test } from "bun:test"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { createExportCheck } from "../../src/dev/check-export.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { openStorage } from "../../src/storage/storage.ts"
import { createJobClient, problemOf } from "../support/job-client.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { until } from "../support/until.ts"

const kills = Number(process.env["JOB_KILLS"] ?? 5)
const members = Number(process.env["JOB_MEMBERS"] ?? 10_000)
const timeoutMs = Math.max(120_000, 4 * members)

const mailchimp = startSandbox({
  decision: "approve",
  latencyMs: 5,
  accounts: Array.from({ length: 2 }, () => ({ lists: [{ name: "Busy", count: members, imports: [250] }] })),
})
const { sandbox } = mailchimp
const services = serviceProcesses(mailchimp, {
  CURSOR_MARGIN_S: "1",
  MAILCHIMP_PAGE_SIZE: "200",
  JOB_PART_MB: "1",
})
const jobsFolder = services.env["JOB_FILES"] ?? ""
let service: Awaited<ReturnType<typeof services.start>>
let headers: Record<string, string>

beforeAll(async () => {
  service = await services.start()
  headers = await connectAccount(service)
})
afterAll(async () => {
  await services.end()
  await mailchimp.stop()
})

test(
  "jobs whose process is killed (-9) at random moments are exact, and leave no file that no record names",
  async () => {
    const client = createJobClient(() => service, headers)
    const listIds = sandbox.state.accounts[0]!.lists.map(({ id }) => id)
    const startedMs = Date.now()
    // Every page of each of the four jobs causes these changes, so all of them see four times as many.
    sandbox.churn.start({ everyPage: { edits: 1, archives: 1, additions: 1 } })
    const started = [
      await client.start({ compression: "none" }),
      await client.start({ compression: "none" }),
      await client.start(),
      await client.start(),
    ]
    for (let kill = 0; kill < kills; kill += 1) {
      await Bun.sleep(200 + Math.random() * 600)
      await service.kill()
      service = await services.start()
    }
    const ended = await Promise.all(started.map(({ id }) => client.ended(id)))
    sandbox.churn.stop()
    for (const job of ended) {
      expect(job.state).toBe("complete")
      const check = createExportCheck(sandbox, listIds, startedMs)
      for (const row of await client.rows(job)) check.take(row)
      const report = check.report(Date.now(), () => Date.parse(job.ended_at ?? "") - 5000)
      expect(report).toMatchObject({ missing: 0, stale: 0, backwards: 0, foreign: 0 })
      const onDisk = readdirSync(join(jobsFolder, job.id)).toSorted()
      expect(onDisk).toEqual(job.parts.map(({ name }) => name))
    }
    console.info("attempts:", ended.map((job) => job.parts.at(-1)?.name.split(/[-.]/)[1]).join(" "))
  },
  timeoutMs,
)

test("a second process on the same file runs no jobs, accepts and cancels them, and takes over when the first ends", async () => {
  const second = await services.start()
  const [first, other] = [createJobClient(() => service, headers), createJobClient(() => second, headers)]
  const started = await other.start()
  expect((await first.ended(started.id)).state).toBe("complete")

  const running = await first.start()
  while ((await first.read(running.id)).state === "queued") await Bun.sleep(20)
  expect((await other.cancel(running.id)).state).toBe("canceled")
  await Bun.sleep(100)
  expect(await problemOf(await first.request(`/${running.id}/members`))).toEqual([409, "job_not_finished"])

  const last = await first.start()
  await service.kill()
  service = second
  expect((await other.ended(last.id)).state).toBe("complete")
}, 60_000)

test("a process that was frozen (SIGSTOP) while a second run of its job began stops at its next write", async () => {
  const client = createJobClient(() => service, headers)
  const fault = sandbox.faults.add({
    match: { path: "/members", query: "count=200&" },
    action: { kind: "delay", ms: 1000 },
    skip: 5,
    times: 100,
  })
  const { id } = await client.start({ compression: "none" })
  const hasFiles = () => existsSync(join(jobsFolder, id))
  await until("the first part", () => fault.played > 0 && hasFiles(), { everyMs: 10 })
  process.kill(service.pid, "SIGSTOP")
  const storage = await openStorage({ sqlitePath: services.env["SQLITE_PATH"] ?? "" })
  const second = await storage.jobs.begin(id, new Date())
  const times = { endedAt: new Date(), expiresAt: new Date(Date.now() + 3_600_000) }
  expect(second?.attempt).toBe(2)
  expect(await storage.jobs.end(second!, { parts: [] }, { state: "complete", ...times })).toBe(true)
  const record = await storage.jobs.find(id)
  expect(hasFiles()).toBe(true)
  sandbox.faults.clear()
  process.kill(service.pid, "SIGCONT")
  // The run writes on until its next record, and then removes its files.
  await until("the removal of its files", () => !hasFiles(), { everyMs: 10 })
  expect(await storage.jobs.find(id)).toEqual(record)
  await storage.close()
  expect(await client.read(id)).toMatchObject({ state: "complete", parts: [], rows: 0 })
}, 60_000)

test("on SIGTERM a running job is handed back with what it wrote, and the next process continues with it", async () => {
  const client = createJobClient(() => service, headers)
  const fault = sandbox.faults.add({
    match: { path: "/members", query: "count=200&" },
    action: { kind: "delay", ms: 3000 },
    skip: 5,
    times: 100,
  })
  const started = await client.start({ compression: "none" })
  while (fault.played === 0) await Bun.sleep(10)
  const stoppedMs = Date.now()
  expect((await service.stop()).exitCode).toBe(0)
  expect(Date.now() - stoppedMs).toBeLessThan(5000)
  sandbox.faults.clear()
  service = await services.start()
  const job = await client.ended(started.id)
  expect(job.state).toBe("complete")
  expect(job.parts[0]?.name).toBe("00001-1.ndjson")
  expect(job.parts.at(-1)?.name).toEndWith("-2.ndjson")
  expect(await client.rows(job)).toHaveLength(job.rows)
}, 60_000)
