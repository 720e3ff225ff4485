import { afterAll, beforeAll, expect, test } from "bun:test"
import { csvParseRows } from "d3-dsv"
import { createJobClient, problemOf } from "../support/job-client.ts"
import { startSandboxAndService, type SandboxAndService } from "../support/sandbox-and-service.ts"

let running: SandboxAndService
let jobs: ReturnType<typeof createJobClient>

beforeAll(async () => {
  running = await startSandboxAndService({
    lists: [
      { name: "Big", count: 6000 },
      { name: "Small", count: 120 },
    ],
    env: { JOB_PART_MB: "1" },
  })
  jobs = createJobClient(() => running.service, running.headers)
})
afterAll(() => running[Symbol.asyncDispose]())

const csv = { format: "csv", compression: "none", formulas: "raw" }
const textOf = async (path: string) => (await jobs.request(path)).text()
const sorted = (text: string) =>
  csvParseRows(text)
    .map((row) => JSON.stringify(row))
    .toSorted()

/** Requests from the thirteenth on are refused until the faults are cleared. */
function refuseAfterTwelve() {
  const action = { kind: "problem", problem: "forbidden" } as const
  running.sandbox.faults.add({ match: { path: /members$/ }, action, skip: 12, times: Infinity })
}

test("the parts of a CSV job, of which only the first has a header, joined are the CSV of the stream", async () => {
  const job = await jobs.ended((await jobs.start({ ...csv, bom: true })).id)
  expect(job).toMatchObject({ state: "complete", format: "csv", rows: running.liveRows().length })
  expect(job.parts.length).toBeGreaterThan(1)
  const parts = await Promise.all(job.parts.map(({ name }) => textOf(`/${job.id}/parts/${name}`)))
  const rows = parts.map((part) => csvParseRows(part).length)
  expect(rows.map((count, index) => count - (index === 0 ? 1 : 0))).toEqual(job.parts.map(({ rows }) => rows))
  const whole = await jobs.request(`/${job.id}/members`)
  expect(whole.headers.get("content-type")).toBe("text/csv")
  expect(whole.headers.get("content-disposition")).toContain(`${job.id}.csv"`)
  const streamed = await (await running.get("/export?format=csv&formulas=raw&bom=true")).bytes()
  const joined = await whole.bytes()
  expect(joined.slice(0, 3)).toEqual(Uint8Array.of(0xef, 0xbb, 0xbf))
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
  expect(sorted(decode(joined))).toEqual(sorted(decode(streamed)))
})

test("selected fields are the columns, also of an empty file", async () => {
  const body = { ...csv, fields: ["email_address", "id"] }
  const job = await jobs.ended((await jobs.start({ ...body, list_id: [running.listIds[1]] })).id)
  const expected = running.liveRows(running.listIds[1]).map((row) => JSON.parse(row))
  expect(sorted(await textOf(`/${job.id}/members`))).toEqual(
    [["email_address", "id"], ...expected.map(({ email_address, id }) => [email_address, id])]
      .map((row) => JSON.stringify(row))
      .toSorted(),
  )
  const none = await jobs.ended(
    (await jobs.start({ ...body, since_last_changed: "2090-01-01T00:00:00Z" })).id,
  )
  expect(await textOf(`/${none.id}/members`)).toBe("email_address,id\r\n")
})

test("a retry continues without a header and with the columns of the first part, although a list has others now", async () => {
  const [list] = running.account.lists
  const { id: listId, mergeFields } = list!
  refuseAfterTwelve()
  const failed = await jobs.ended((await jobs.start({ ...csv, list_id: [listId] })).id)
  running.sandbox.faults.clear()
  expect(failed).toMatchObject({ state: "failed", error: { code: "mailchimp_forbidden" } })
  expect(failed.rows).toBeGreaterThan(0)
  Object.assign(list!, { mergeFields: [{ tag: "NEW", name: "Newer", type: "text" }, ...mergeFields] })
  await jobs.retry(failed.id)
  const job = await jobs.ended(failed.id)
  Object.assign(list!, { mergeFields })
  expect(job.state).toBe("complete")
  expect(job.parts.at(-1)?.name).toEndWith("-2.csv")
  const streamed = await (await running.get(`/export/${listId}?format=csv&formulas=raw`)).text()
  // A run may begin with rows that the run before has written.
  const rows = new Set(sorted(await textOf(`/${job.id}/members`)))
  expect([...rows]).toEqual(sorted(streamed))
})

test("columns_changed is final: what was recorded stays, and a retry is refused", async () => {
  const [listId = ""] = running.listIds
  refuseAfterTwelve()
  const failed = await jobs.ended((await jobs.start({ ...csv, list_id: [listId] })).id)
  running.sandbox.faults.clear()
  const before = await textOf(`/${failed.id}/parts/${failed.parts[0]?.name}`)
  for (const { id } of running.sandbox.truth(listId).members())
    running.sandbox.changes.editMember(listId, id, { merge_fields: { ADDED: "x" } })
  await jobs.retry(failed.id)
  const job = await jobs.ended(failed.id)
  expect(job).toMatchObject({
    state: "failed",
    error: { code: "columns_changed", retryable: false },
    parts: [...failed.parts],
  })
  expect(await textOf(`/${job.id}/parts/${job.parts[0]?.name}`)).toBe(before)
  const refused = await jobs.request(`/${job.id}/retry`, { method: "POST" })
  expect(await problemOf(refused)).toEqual([409, "columns_changed"])
})
