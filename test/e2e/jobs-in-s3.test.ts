import { afterAll, beforeAll, expect, test } from "bun:test"
import { existsSync, readdirSync, renameSync } from "node:fs"
import { join } from "node:path"
import { createExportCheck } from "../../src/dev/check-export.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { createJobClient, problemOf } from "../support/job-client.ts"
import {
  differenceOf,
  noDifference,
  type SandboxAndService,
  startSandboxAndService,
} from "../support/sandbox-and-service.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { describeWithS3, type ObjectStore, s3StartTimeoutMs, startObjectStore } from "../support/versitygw.ts"

/** How long the store is down in mid-job. */
const downMs = Number(process.env["S3_DOWN_MS"] ?? 2000)

describeWithS3("jobs that write to an object store", () => {
  let store: ObjectStore
  let bucket: ReturnType<ObjectStore["createBucket"]>
  let running: SandboxAndService
  let jobs: ReturnType<typeof createJobClient>
  let env: Record<string, string>

  beforeAll(async () => {
    store = await startObjectStore()
    bucket = store.createBucket()
    env = {
      ...store.env,
      JOB_FILES: `s3://${bucket.name}/some/prefix`,
      JOB_PART_MB: "1",
      MAILCHIMP_PAGE_SIZE: "200",
    }
    running = await startSandboxAndService({ lists: [{ name: "Secret list", count: 6000 }], env })
    jobs = createJobClient(() => running.service, running.headers)
  }, s3StartTimeoutMs)
  afterAll(async () => {
    await running[Symbol.asyncDispose]()
    await store.stop()
  })

  const filesOf = (id: string) => {
    const path = join(bucket.path, "some/prefix", id)
    return existsSync(path) ? readdirSync(path).toSorted() : []
  }
  const slowly = () =>
    running.sandbox.faults.add({
      match: { path: "/members" },
      action: { kind: "delay", ms: 150 },
      times: 1000,
    })
  /** Starts a slow job, and waits for its first part. */
  const startedSlowly = async () => {
    slowly()
    const { id } = await jobs.start({ compression: "none" })
    while ((await jobs.read(id)).parts.length === 0) await Bun.sleep(20)
    return id
  }
  const expectExact = async (id: string) => {
    running.sandbox.faults.clear()
    const job = await jobs.ended(id)
    expect(job.state).toBe("complete")
    expect(differenceOf(await jobs.rows(job), running.liveRows())).toEqual(noDifference)
    expect(filesOf(id)).toEqual(job.parts.map(({ name }) => name))
    return job
  }

  test("a job writes its parts to the bucket, under keys without the name of a list, and they are downloads of ours", async () => {
    const { id } = await jobs.start({ compression: "none" })
    const job = await expectExact(id)
    expect(job.parts.length).toBeGreaterThan(2)
    expect(readdirSync(bucket.path, { recursive: true }).join()).not.toMatch(/secret|list/i)
    const [part] = job.parts
    expect(part?.url).toStartWith(running.service.api)
    const get = (headers: Record<string, string>) => jobs.request(`/${id}/parts/${part?.name}`, { headers })
    const whole = await (await get({})).bytes()
    const ranged = await get({ range: "bytes=1000-1999", "if-range": `"${part?.sha256}"` })
    expect([ranged.status, ranged.headers.get("content-range")]).toEqual([
      206,
      `bytes 1000-1999/${whole.length}`,
    ])
    expect(await ranged.bytes()).toEqual(whole.slice(1000, 2000))
    expect((await get({ range: "bytes=0-1", "if-range": '"other"' })).status).toBe(200)
    const all = await (await jobs.request(`/${id}/members`)).text()
    expect(all.trimEnd().split("\n")).toHaveLength(job.rows)

    await jobs.cancel(id)
    expect(filesOf(id)).toEqual([])
  }, 60_000)

  test("a store that is killed in mid-job is waited for, and the job is exact", async () => {
    const id = await startedSlowly()
    await store.kill9()
    running.sandbox.faults.clear()
    await Bun.sleep(downMs)
    expect((await jobs.read(id)).state).toBe("running")
    await store.restart()
    await expectExact(id)
  }, 60_000)

  test.each([
    [
      "a revoked key",
      () => store.kill9().then(() => store.restart("another-secret")),
      () => store.kill9().then(() => store.restart()),
    ],
    [
      "a bucket that is gone",
      async () => renameSync(bucket.path, `${bucket.path}-gone`),
      async () => renameSync(`${bucket.path}-gone`, bucket.path),
    ],
  ])(
    "%s fails the job, keeps what is recorded, and a retry is exact when it is back",
    async (_, take, giveBack) => {
      const id = await startedSlowly()
      await take()
      const failed = await jobs.ended(id)
      expect(failed).toMatchObject({
        state: "failed",
        error: { code: "job_files_unavailable", retryable: true },
      })
      expect(failed.parts.length).toBeGreaterThan(0)
      expect(await problemOf(await jobs.request(`/${id}/parts/${failed.parts[0]?.name}`))).toEqual([
        503,
        "job_files_unavailable",
      ])
      await giveBack()
      await jobs.retry(id)
      const job = await expectExact(id)
      expect(job.parts.slice(0, failed.parts.length)).toEqual([...failed.parts])
    },
    60_000,
  )

  test("a store that is down when the service starts is told, exports continue, and no secret is logged", async () => {
    await store.kill9()
    const other = await startSandboxAndService({ lists: [{ name: "One", count: 30 }], env })
    const ready = async () => (await fetch(`${other.service.url}/readyz`)).json()
    expect(await ready()).toEqual({ status: "ok", job_files: "down" })
    const exported = await fetch(`${other.service.api}/export`, { headers: other.headers })
    expect((await exported.text()).trimEnd().split("\n")).toHaveLength(other.liveRows().length)
    const hasLine = () => other.service.log.some((line) => line.includes("job_files_down"))
    for (let waited = 0; !hasLine() && waited < 200; waited += 1) await Bun.sleep(50)
    expect(hasLine()).toBe(true)
    await store.restart()
    for (const text of [...other.service.log, ...running.service.log])
      expect(text).not.toMatch(/X-Amz|Signature=|a-secret-of-the|some\/prefix/)
    await other[Symbol.asyncDispose]()
  }, 60_000)

  test("a job whose process is killed (-9) is exact, and its bucket has no object that no record names", async () => {
    const mailchimp = startSandbox({
      decision: "approve",
      latencyMs: 20,
      accounts: [{ lists: [{ name: "Busy", count: 10_000 }] }],
    })
    const services = serviceProcesses(mailchimp, { ...env, CURSOR_MARGIN_S: "1" })
    let service = await services.start()
    const client = createJobClient(() => service, await connectAccount(service))
    const startedMs = Date.now()
    mailchimp.sandbox.churn.start({ everyPage: { edits: 1, archives: 1, additions: 1 } })
    const { id } = await client.start({ compression: "none" })
    for (let kill = 0; kill < 3; kill += 1) {
      await Bun.sleep(200 + Math.random() * 600)
      await service.kill()
      service = await services.start()
    }
    const job = await client.ended(id)
    mailchimp.sandbox.churn.stop()
    expect(job.state).toBe("complete")
    const listIds = mailchimp.sandbox.state.accounts[0]!.lists.map(({ id }) => id)
    const check = createExportCheck(mailchimp.sandbox, listIds, startedMs)
    for (const row of await client.rows(job)) check.take(row)
    const report = check.report(Date.now(), () => Date.parse(job.ended_at ?? "") - 5000)
    expect(report).toMatchObject({ missing: 0, stale: 0, backwards: 0, foreign: 0 })
    expect(filesOf(id)).toEqual(job.parts.map(({ name }) => name))
    await services.end()
    await mailchimp.stop()
  }, 60_000)
})
