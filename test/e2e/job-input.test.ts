import { afterAll, beforeAll, expect, test } from "bun:test"
import { readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { createJobClient, problemOf } from "../support/job-client.ts"
import { startSandboxAndService, type SandboxAndService } from "../support/sandbox-and-service.ts"
import { bearer, connectAccount } from "../support/service.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"

const folder = temporaryFolder()
let running: SandboxAndService
let jobs: ReturnType<typeof createJobClient>

beforeAll(async () => {
  running = await startSandboxAndService({
    lists: [{ name: "One", count: 300 }],
    env: { JOB_FILES: join(folder.path, "jobs") },
  })
  jobs = createJobClient(() => running.service, running.headers)
})
afterAll(async () => {
  await running[Symbol.asyncDispose]()
  folder.remove()
})

test.each([
  ["no JSON", "{", "invalid_parameter"],
  ["nothing", "", "invalid_parameter"],
  ["a list", "[]", "invalid_parameter"],
  ["an unknown parameter", '{"colour":"red"}', "invalid_parameter"],
  ["an unknown field", '{"fields":["colour"]}', "invalid_parameter"],
  ["fields and exclude_fields", '{"fields":["id"],"exclude_fields":["id"]}', "invalid_parameter"],
  ["a format without parts", '{"format":"json"}', "invalid_parameter"],
  ["formulas of another format than CSV", '{"formulas":"raw"}', "invalid_parameter"],
  ["a byte order mark of another format than CSV", '{"format":"ndjson","bom":true}', "invalid_parameter"],
  ["a text for bom", '{"format":"csv","bom":"true"}', "invalid_parameter"],
  ["a list twice", '{"list_id":["a1b2c3d4e5","a1b2c3d4e5"]}', "invalid_parameter"],
  ["a status twice", '{"status":["cleaned","cleaned"]}', "invalid_parameter"],
  ["no status", '{"status":[]}', "invalid_parameter"],
  [
    "501 lists",
    JSON.stringify({ list_id: Array.from({ length: 501 }, (_, i) => `a${i}`) }),
    "invalid_parameter",
  ],
  ["an unknown status", '{"status":["happy"]}', "invalid_parameter"],
  ["a list that is none", '{"list_id":["../x"]}', "invalid_parameter"],
  ["no lists", '{"list_id":[]}', "invalid_parameter"],
  ["a date without a zone", '{"since_last_changed":"2026-01-31T08:00:00"}', "invalid_parameter"],
  ["a number as a date", '{"since_last_changed":5}', "invalid_parameter"],
  ["a cursor that is none", '{"cursor":"none"}', "invalid_cursor"],
  ["200 KB", JSON.stringify({ cursor: "x".repeat(200_000) }), "invalid_parameter"],
])("%s as the body is a 400, and starts no job", async (_, body, code) => {
  const response = await jobs.request("", {
    method: "POST",
    body,
    headers: { "content-type": "application/json" },
  })
  expect(await problemOf(response)).toEqual([400, code])
  expect(await jobs.list()).toEqual([])
})

test.each([undefined, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])(
  "a body of type %p is a 415, and starts no job",
  async (type) => {
    const body = new Blob(["{}"], { type: type ?? "" })
    const response = await jobs.request("", { method: "POST", body, headers: { "content-type": type ?? "" } })
    expect(await problemOf(response)).toEqual([415, "unsupported_media_type"])
    expect(await jobs.list()).toEqual([])
  },
)

test("a caller without a connection starts no job, and one without a token sees none", async () => {
  const other = createJobClient(() => running.service, await bearer("nobody"))
  const response = await other.request("", { method: "POST", body: "{}" })
  expect(await problemOf(response)).toEqual([404, "access_token_not_found"])
  const anonymous = createJobClient(() => running.service, {})
  for (const path of ["", "/job_1", "/job_1/members", "/job_1/parts/x"])
    expect(await problemOf(await anonymous.request(path))).toEqual([401, "unauthorized"])
})

test("an unknown list fails the job", async () => {
  const job = await jobs.ended((await jobs.start({ list_id: ["0123456789"] })).id)
  expect(job).toMatchObject({
    state: "failed",
    error: { code: "list_not_found", retryable: false },
    parts: [],
  })
})

test("a part that is missing or damaged on disk is never sent as if it were whole", async () => {
  const job = await jobs.ended((await jobs.start({ compression: "none" })).id)
  const [part] = job.parts
  const file = join(folder.path, "jobs", job.id, part!.name)
  const content = await Bun.file(file).bytes()

  writeFileSync(
    file,
    content.map((byte, index) => (index === 5 ? byte ^ 1 : byte)),
  )
  for (const path of [`/parts/${part?.name}`, "/members"])
    await expect(jobs.request(`/${job.id}${path}`).then((response) => response.text())).rejects.toThrow()
  writeFileSync(file, content.subarray(0, -1))
  for (const path of [`/parts/${part?.name}`, "/members"])
    expect(await problemOf(await jobs.request(`/${job.id}${path}`))).toEqual([503, "job_files_unavailable"])
  rmSync(file)
  expect(await problemOf(await jobs.request(`/${job.id}/members`))).toEqual([503, "job_files_unavailable"])
  writeFileSync(file, content)
  expect(await jobs.rows(job)).toHaveLength(job.rows)
})

test("a folder that cannot be written fails the job, and a retry continues when it can", async () => {
  const path = join(folder.path, "jobs")
  rmSync(path, { recursive: true })
  writeFileSync(path, "not a folder")
  const failed = await jobs.ended((await jobs.start()).id)
  expect(failed).toMatchObject({ state: "failed", error: { code: "job_files_unavailable", retryable: true } })
  expect(failed.error?.detail).not.toContain(folder.path)
  rmSync(path)
  await jobs.retry(failed.id)
  expect((await jobs.ended(failed.id)).state).toBe("complete")
})

test("a retry of a job that runs, or is complete, is a 409", async () => {
  const { id } = await jobs.start()
  expect(await problemOf(await jobs.request(`/${id}/retry`, { method: "POST" }))).toEqual([
    409,
    "job_not_failed",
  ])
  await jobs.ended(id)
  expect(await problemOf(await jobs.request(`/${id}/retry`, { method: "POST" }))).toEqual([
    409,
    "job_not_failed",
  ])
})

test("a caller sees the jobs of a sub-account only if their token names it", async () => {
  const headers = await bearer(crypto.randomUUID(), { sub_accounts: ["branch"] })
  const client = createJobClient(() => running.service, headers)
  expect(await client.list("?sub_account_id=branch")).toEqual([])
  const refused = await client.request("?sub_account_id=other")
  expect(await problemOf(refused)).toEqual([403, "sub_account_forbidden"])
})

test("disconnecting stops the jobs of the connection, and deletes their records and files", async () => {
  const headers = await connectAccount(running.service)
  const client = createJobClient(() => running.service, headers)
  const ended = await client.ended((await client.start()).id)
  running.sandbox.faults.add({ match: { path: "/members" }, action: { kind: "delay", ms: 3000 }, times: 5 })
  const open = await client.start()
  while ((await client.read(open.id)).state === "queued") await Bun.sleep(10)
  const response = await fetch(`${running.service.api}/auth`, { method: "DELETE", headers })
  expect(response.status).toBe(200)
  for (const { id } of [ended, open]) {
    expect(await problemOf(await client.request(`/${id}`))).toEqual([404, "job_not_found"])
    expect(readdirSync(join(folder.path, "jobs"))).not.toContain(id)
  }
})
