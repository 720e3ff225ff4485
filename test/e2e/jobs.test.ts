import { afterAll, beforeAll, expect, test } from "bun:test"
import { gunzipSync } from "node:zlib"
import { problemSchema } from "../../src/http/problem.ts"
import { createJobClient, problemOf } from "../support/job-client.ts"
import {
  differenceOf,
  noDifference,
  startSandboxAndService,
  type SandboxAndService,
} from "../support/sandbox-and-service.ts"
import { bearer } from "../support/service.ts"

let running: SandboxAndService
let jobs: ReturnType<typeof createJobClient>

beforeAll(async () => {
  running = await startSandboxAndService({
    lists: [
      { name: "Big", count: 3000 },
      { name: "Small", count: 120 },
      { name: "Empty", count: 0 },
    ],
    env: { JOB_PART_MB: "1" },
  })
  jobs = createJobClient(() => running.service, running.headers)
})
afterAll(() => running[Symbol.asyncDispose]())

test("a job writes every member of the account into parts, and tells its cursor", async () => {
  const started = await jobs.start()
  expect(started).toMatchObject({ state: "queued", rows: 0, parts: [], cursor: null })
  const job = await jobs.ended(started.id)
  expect(job).toMatchObject({ state: "complete", error: null, estimate: expect.any(Number) })
  expect(job.rows).toBe(running.liveRows().length)
  expect(differenceOf(await jobs.rows(job), running.liveRows())).toEqual(noDifference)
  expect(Date.parse(job.expires_at ?? "") - Date.parse(job.ended_at ?? "")).toBe(72 * 3_600_000)

  const [edited] = running.sandbox.truth(running.listIds[1]!).members()
  running.sandbox.changes.editMember(running.listIds[1]!, edited!.id)
  const next = await jobs.ended((await jobs.start({ cursor: job.cursor })).id)
  expect(next.state).toBe("complete")
  const ids = (await jobs.rows(next)).map((row) => JSON.parse(row).id)
  expect(ids).toContain(edited!.id)
  expect(next.rows).toBeLessThan(job.rows)
})

test("without compression, parts end after JOB_PART_MB, and each is a whole file", async () => {
  const job = await jobs.ended((await jobs.start({ compression: "none" })).id)
  expect(job.parts.length).toBeGreaterThan(1)
  for (const part of job.parts.slice(0, -1)) expect(part.bytes).toBeGreaterThanOrEqual(1024 * 1024)
  expect(differenceOf(await jobs.rows(job), running.liveRows())).toEqual(noDifference)
  const whole = await jobs.request(`/${job.id}/members`)
  expect(whole.headers.get("content-type")).toBe("application/x-ndjson")
  const text = await whole.text()
  expect(text.length === 0 || text.endsWith("\n")).toBe(true)
  expect(text.trimEnd().split("\n")).toHaveLength(job.rows)
})

test("all parts joined are one gzip file, sent without a content encoding", async () => {
  const job = await jobs.ended((await jobs.start({ list_id: [running.listIds[1]] })).id)
  const response = await jobs.request(`/${job.id}/members`)
  expect(response.headers.get("content-type")).toBe("application/gzip")
  expect(response.headers.get("content-encoding")).toBeNull()
  expect(response.headers.get("content-disposition")).toBe(`attachment; filename="${job.id}.ndjson.gz"`)
  const rows = gunzipSync(await response.bytes())
    .toString()
    .trimEnd()
    .split("\n")
  expect(differenceOf(rows, running.liveRows(running.listIds[1]))).toEqual(noDifference)
})

test("a job of several lists and statuses has their members alone", async () => {
  const [big = "", small = ""] = running.listIds
  const body = { list_id: [small, big], status: ["subscribed", "cleaned"] }
  const job = await jobs.ended((await jobs.start(body)).id)
  const expected = running.liveRows().filter((row) => body.status.includes(JSON.parse(row).status))
  expect(job).toMatchObject({ state: "complete", rows: expected.length })
  expect(differenceOf(await jobs.rows(job), expected)).toEqual(noDifference)
  const next = await jobs.request("", {
    method: "POST",
    body: JSON.stringify({ ...body, status: ["subscribed"], cursor: job.cursor }),
  })
  expect(await problemOf(next)).toEqual([400, "invalid_cursor"])
})

test("a job without rows is one part, a valid empty file", async () => {
  const job = await jobs.ended((await jobs.start({ list_id: [running.listIds[2]] })).id)
  expect(job).toMatchObject({ state: "complete", rows: 0, parts: [{ rows: 0 }] })
  const bytes = await (await jobs.request(`/${job.id}/members`)).bytes()
  expect(gunzipSync(bytes)).toHaveLength(0)
})

test("a part answers Range, If-Range and HEAD, with its SHA-256 as ETag", async () => {
  const job = await jobs.ended((await jobs.start({ list_id: [running.listIds[1]] })).id)
  const [part] = job.parts
  const get = (headers: Record<string, string>, method = "GET") =>
    jobs.request(`/${job.id}/parts/${part?.name}`, { headers, method })
  const whole = await (await get({})).bytes()
  const etag = `"${part?.sha256}"`

  const ranged = await get({ range: "bytes=10-19" })
  expect([ranged.status, ranged.headers.get("content-range"), ranged.headers.get("etag")]).toEqual([
    206,
    `bytes 10-19/${whole.length}`,
    etag,
  ])
  expect(await ranged.bytes()).toEqual(whole.slice(10, 20))
  expect(await (await get({ range: "bytes=-5", "if-range": etag })).bytes()).toEqual(whole.slice(-5))
  expect((await get({ range: "bytes=0-1", "if-range": '"other"' })).status).toBe(200)
  const beyond = await get({ range: `bytes=${whole.length}-` })
  expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, `bytes */${whole.length}`])
  expect(await beyond.json()).toMatchObject({ code: "range_not_satisfiable" })
  const head = await get({}, "HEAD")
  expect([head.status, head.headers.get("content-length")]).toEqual([200, String(whole.length)])
  expect((await jobs.request(`/${job.id}/parts/..%2F..%2Fexport.sqlite`)).status).toBe(400)
  expect((await jobs.request(`/${job.id}/parts/00009-1.ndjson.gz`)).status).toBe(404)
})

test("another owner's job is a 404 on every route", async () => {
  const { id } = await jobs.start({})
  const other = createJobClient(() => running.service, await bearer("another"))
  const paths = [`/${id}`, `/${id}/members`, `/${id}/parts/00001-1.ndjson.gz`, `?before=${id}`]
  for (const path of paths) {
    const response = await other.request(path)
    expect([path, ...(await problemOf(response))]).toEqual([path, 404, "job_not_found"])
  }
  expect((await other.request(`/${id}`, { method: "DELETE" })).status).toBe(404)
  expect((await other.request(`/${id}/retry`, { method: "POST" })).status).toBe(404)
  expect(await other.list()).toEqual([])
  await jobs.ended(id)
})

test("an Idempotency-Key gives the same job, and refuses another body", async () => {
  const key = { "idempotency-key": crypto.randomUUID() }
  const [first, ...others] = await Promise.all(Array.from({ length: 8 }, () => jobs.start({}, key)))
  for (const other of others) expect(other.id).toBe(first?.id ?? "")
  const reused = await jobs.request("", {
    method: "POST",
    body: JSON.stringify({ status: ["cleaned"] }),
    headers: key,
  })
  expect(await problemOf(reused)).toEqual([422, "idempotency_key_reused"])
  expect((await jobs.start({})).id).not.toBe(first?.id ?? "")
})

test("a canceled job stays canceled, without files, and cannot be retried or downloaded", async () => {
  const job = await jobs.ended((await jobs.start({})).id)
  for (const canceled of [await jobs.cancel(job.id), await jobs.cancel(job.id)])
    expect(canceled).toMatchObject({ state: "canceled", rows: 0, parts: [], cursor: null })
  const codes = []
  for (const [path, method] of [
    ["/members", "GET"],
    ["/retry", "POST"],
    [`/parts/${job.parts[0]?.name}`, "GET"],
  ] as const) {
    const response = await jobs.request(`/${job.id}${path}`, { method })
    codes.push(await problemOf(response))
  }
  expect(codes).toEqual([
    [409, "job_not_finished"],
    [409, "job_not_failed"],
    [404, "job_not_found"],
  ])
  expect(await detailOf(job.id)).toBe(
    "Cannot send all members because the job was canceled and its files were deleted: start a new one",
  )
})

/** Why all members cannot be downloaded. */
async function detailOf(id: string): Promise<unknown> {
  return problemSchema.parse(await (await jobs.request(`/${id}/members`)).json()).detail
}

test("Prefer: wait=30 responds when the state changes, and after the time at the latest", async () => {
  const fault = running.sandbox.faults.add({
    match: { path: "/members" },
    action: { kind: "delay", ms: 1500 },
  })
  const { id } = await jobs.start({})
  const startedMs = Date.now()
  const begun = await jobs.read(id, 30)
  expect(begun.state).not.toBe("queued")
  const short = await jobs.request(`/${id}`, { headers: { prefer: "respond-async, wait=1" } })
  expect(short.headers.get("preference-applied")).toBe("wait=1")
  expect((await jobs.ended(id)).state).toBe("complete")
  expect(Date.now() - startedMs).toBeLessThan(20_000)
  expect(fault.played).toBeGreaterThan(0)
  running.sandbox.faults.clear()
})

test("a failed job continues from what it has when it is retried", async () => {
  const { faults } = running.sandbox
  const whole = running.liveRows()
  faults.add({
    match: { path: "/members" },
    action: { kind: "problem", problem: "forbidden" },
    skip: 12,
    times: 1000,
  })
  const failed = await jobs.ended((await jobs.start({ list_id: [running.listIds[0]] })).id)
  faults.clear()
  expect(failed).toMatchObject({ state: "failed", error: { code: "mailchimp_forbidden" }, cursor: null })
  expect(failed.rows).toBeGreaterThan(0)
  expect(await detailOf(failed.id)).toBe(
    "Cannot send all members because the job has failed: retry it, or download the parts that it has",
  )
  const retried = await jobs.retry(failed.id)
  expect(retried.parts).toEqual([...failed.parts])
  const job = await jobs.ended(failed.id)
  expect(job.state).toBe("complete")
  expect(job.parts.slice(0, failed.parts.length)).toEqual([...failed.parts])
  const expected = whole.filter((row) => JSON.parse(row).list_id === running.listIds[0])
  expect(differenceOf(await jobs.rows(job), expected)).toEqual(noDifference)
}, 30_000)
