import { afterAll, afterEach, describe, expect, test } from "bun:test"
import { parse } from "papaparse"
import { defaultMergeFields } from "../../src/sandbox/seeds.ts"
import { readFirstBytes } from "../support/first-bytes.ts"
import { startSandboxAndService } from "../support/sandbox-and-service.ts"
import { forbidden } from "../support/three-lists.ts"

const pair = await startSandboxAndService({
  lists: [
    {
      name: "Tea",
      count: 250,
      interestCategories: [{ title: "Sort", interests: [{ name: "Green" }, { name: "Black" }] }],
    },
    {
      name: "Jam",
      count: 120,
      hostile: true,
      mergeFields: defaultMergeFields.map((field) =>
        field.tag === "FNAME" ? { ...field, name: "Name" } : field,
      ),
    },
    { name: "Nobody yet" },
  ],
  env: { MAILCHIMP_RETRY_S: "1" },
})
const { get, sandbox, service, headers } = pair
const [tea = "", jam = "", nobody = ""] = pair.listIds
afterAll(() => pair[Symbol.asyncDispose]())
afterEach(() => sandbox.faults.clear())

type Row = Record<string, string>
const rowsOf = (text: string): Row[] => {
  const options = { header: true, delimiter: ",", newline: "\r\n", skipEmptyLines: true } as const
  return parse<Row>(text, options).data
}
const headerOf = (text: string) => text.split("\r\n")[0]?.split(",") ?? []
const exportCsv = async (path: string, accept?: string) => {
  const init = accept === undefined ? headers : { ...headers, accept }
  const response = await fetch(service.api + path, { headers: init })
  return { status: response.status, type: response.headers.get("content-type"), text: await response.text() }
}
const problemOf = async (path: string, accept?: string) => JSON.parse((await exportCsv(path, accept)).text)

describe("an export as CSV", () => {
  test("has Mailchimp's own columns and every member, from only the fields that they need", async () => {
    sandbox.traffic.reset()
    const { status, type, text } = await exportCsv(`/export/${tea}?format=csv`)
    expect([status, type]).toEqual([200, "text/csv; charset=utf-8; header=present"])
    expect(headerOf(text)).toEqual([
      ..."Email Address,SMS Phone Number,SMS_MARKETING_STATUS".split(","),
      ..."First Name,Last Name,Address,Phone Number,Birthday,Points,Sort".split(","),
      ..."MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF".split(
        ",",
      ),
      ..."TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS,STATUS,LIST_ID,LIST_NAME".split(","),
    ])
    const truth = pair.liveRows(tea).map((row) => JSON.parse(row))
    const expected = truth.map(({ email_address, merge_fields, status, web_id }) => ({
      "Email Address": email_address,
      "First Name": merge_fields.FNAME,
      STATUS: status,
      LEID: String(web_id),
      LIST_NAME: "Tea",
    }))
    const columns = ["Email Address", "First Name", "STATUS", "LEID", "LIST_NAME"]
    const pick = (row: Row) => Object.fromEntries(columns.map((name) => [name, row[name]]))
    const byAddress = (rows: Record<string, unknown>[]) =>
      rows.toSorted((one, other) => String(one["LEID"]).localeCompare(String(other["LEID"])))
    expect(byAddress(rowsOf(text).map(pick))).toEqual(byAddress(expected))
    const requested = sandbox.traffic.log.filter(({ path }) => path.endsWith("/members"))
    for (const { query } of requested) {
      const fields = new URLSearchParams(query).get("fields") ?? ""
      expect(fields.split(",")).toContain("members.tags.name")
      expect(fields).not.toContain("stats")
    }
  })

  test("joins the columns of all lists, by tag and label", async () => {
    const lists = await exportCsv(`/export?format=csv`)
    expect(headerOf(lists.text)).toContain("Sort")
    expect(headerOf(lists.text)).toContain("Company")
    const rows = rowsOf(lists.text)
    expect(rows).toHaveLength(pair.liveRows().length)
    expect(rows.filter(({ LIST_ID }) => LIST_ID === jam).every((row) => row["First Name"] === "")).toBe(true)
    expect(rows.filter(({ LIST_ID }) => LIST_ID === tea).every(({ Name }) => Name === "")).toBe(true)
  })

  test("has the selected fields in the given order, and hostile values as they are", async () => {
    const { text } = await exportCsv(
      `/export/${jam}?format=csv&formulas=raw&fields=merge_fields.FNAME,email_address,source,tags.name`,
    )
    expect(headerOf(text)).toEqual(["merge_fields.FNAME", "email_address", "source", "tags.name"])
    const rows = new Map(rowsOf(text).map((row) => [row["email_address"], row]))
    const truth = pair.liveRows(jam).map((row) => JSON.parse(row))
    expect(rows.size).toBe(truth.length)
    for (const { email_address, merge_fields, source } of truth) {
      const row = rows.get(email_address)
      expect(row?.["merge_fields.FNAME"]).toBe(String(merge_fields.FNAME ?? "").toWellFormed())
      expect(row?.["source"]).toBe(String(source).toWellFormed())
    }
  })

  test("defuses formulas unless told not to, and begins with a byte order mark if told to", async () => {
    const formula = '=HYPERLINK(""http://example.com"")'
    const path = `/export/${jam}?format=csv&fields=source`
    expect((await exportCsv(path)).text).toContain(`\r\n"'${formula}"\r\n`)
    expect((await exportCsv(`${path}&formulas=defused`)).text).toContain(`\r\n"'${formula}"\r\n`)
    expect((await exportCsv(`${path}&formulas=raw`)).text).toContain(`\r\n"${formula}"\r\n`)
    const bytes = await (await get(`${path}&bom=true`)).bytes()
    expect(Buffer.from(bytes.subarray(0, 9)).toString("latin1")).toBe("ï»¿source")
    expect((await exportCsv(`${path}&bom=false`)).text).toStartWith("source\r\n")
  })

  test("is chosen by Accept, and is a header alone without members or as an empty slice", async () => {
    const { type, text } = await exportCsv(`/export/${nobody}?fields=id,status`, "text/csv")
    expect([type, text]).toEqual(["text/csv; charset=utf-8; header=present", "id,status\r\n"])
    const slice = await exportCsv(`/export?fields=id&count=3`, "text/csv")
    expect(slice.text.split("\r\n")).toHaveLength(5)
    expect((await exportCsv(`/export?fields=id&offset=5000`, "text/csv")).text).toBe("id\r\n")
  })

  test("leaves the columns of excluded fields out", async () => {
    const query = "exclude_fields=email_address,merge_fields.FNAME,interests,list_id,location"
    const { text } = await exportCsv(`/export/${tea}?format=csv&${query}`)
    const header = headerOf(text)
    expect(header.slice(0, 3)).toEqual(["SMS Phone Number", "SMS_MARKETING_STATUS", "Last Name"])
    for (const name of ["Email Address", "First Name", "Sort", "LATITUDE", "LIST_ID"])
      expect(header).not.toContain(name)
    expect(text).not.toContain("@")
  })

  test.each([
    ["events=true&format=csv", undefined, "events", "requires NDJSON: format=ndjson"],
    ["events=true", "text/csv", "events", "requires NDJSON: format=ndjson"],
    ["cursor=x&format=csv", undefined, "cursor", "requires NDJSON: format=ndjson"],
    ["formulas=raw", undefined, "formulas", "requires CSV: format=csv"],
    ["bom=true&format=json", undefined, "bom", "requires CSV: format=csv"],
    ["format=csv&formulas=live", undefined, "formulas", "must be one of defused, raw"],
    ["format=csv&bom=1", undefined, "bom", "must be one of true, false"],
    ["format=csv&bom=true&bom=true", undefined, "bom", "must be given only once"],
    ["format=xls", undefined, "format", "must be one of ndjson, json, csv"],
  ] as const)("refuses %s with Accept %s", async (query, accept, name, reason) => {
    const before = sandbox.traffic.total
    expect(await problemOf(`/export?${query}`, accept)).toMatchObject({
      code: "invalid_parameter",
      status: 400,
      errors: [{ name, reason }],
    })
    expect(sandbox.traffic.total).toBe(before)
  })

  test("breaks with columns_changed in the log if a member has a merge field that was added meanwhile", async () => {
    const members = [{ email_address: "new@example.com", merge_fields: { ADDED: "x" } }]
    await using changed = await startSandboxAndService({ lists: [{ name: "Changed", members }] })
    const response = await changed.get("/export?format=csv")
    expect(response.status).toBe(200)
    await expect(response.text()).rejects.toThrow()
    const { log } = changed.service
    const failed = log.map((line) => JSON.parse(line)).find(({ msg }) => msg === "export failed")
    expect(failed).toMatchObject({ rows: 0, error: { code: "columns_changed" } })
    expect(log.join("")).not.toContain("new@example.com")
  })

  test("has an HTTP status of its own if its list's merge fields cannot be read", async () => {
    sandbox.faults.add({ match: { path: /merge-fields/ }, action: forbidden, times: Infinity })
    expect(await problemOf(`/export/${tea}?format=csv`)).toMatchObject({
      status: 403,
      code: "mailchimp_forbidden",
    })
  })

  test("sends the first column's name in pieces while the columns are read", async () => {
    sandbox.faults.add({ match: { path: /merge-fields/ }, action: { kind: "hang" } })
    const received = await readFirstBytes(
      `${service.api}/export/${tea}?format=csv`,
      headers,
      (text) => text.includes("\r\n\r\n") && text.includes("E"),
    )
    const [head = "", body = ""] = received.split(/\r\n\r\n(.*)/s)
    expect(head.toLowerCase()).toContain("content-type: text/csv; charset=utf-8; header=present")
    expect(body).toBe("1\r\nE\r\n")
  })

  test("HEAD has the same headers, and refuses the same parameters, without a request to Mailchimp", async () => {
    const [got, head] = await Promise.all(
      ["GET", "HEAD"].map((method) =>
        fetch(`${service.api}/export/${nobody}?format=csv&bom=true`, { method, headers }),
      ),
    )
    await got?.text()
    for (const name of ["content-type", "cache-control", "vary", "x-accel-buffering"])
      expect(head?.headers.get(name)).toBe(got?.headers.get(name) ?? "")
    const before = sandbox.traffic.total
    const refused = await fetch(`${service.api}/export?bom=true`, { method: "HEAD", headers })
    expect([refused.status, sandbox.traffic.total]).toEqual([400, before])
  })
})

test("download=true names a file for its list, format and day, and the same for HEAD", async () => {
  const today = new Date().toISOString().slice(0, 10)
  for (const [path, name] of [
    [`/export/${nobody}?format=csv`, `mailchimp_members_${nobody}_${today}.csv`],
    [`/export/${nobody}?format=json`, `mailchimp_members_${nobody}_${today}.json`],
    ["/export?count=1", `mailchimp_members_all_lists_${today}.ndjson`],
  ]) {
    for (const method of ["GET", "HEAD"]) {
      const request = (url: string) => fetch(service.api + url, { method, headers })
      const response = await request(`${path}&download=true`)
      await response.bytes()
      expect(response.headers.get("content-disposition")).toBe(`attachment; filename="${name}"`)
      const shown = await request(`${path}&download=false`)
      await shown.bytes()
      expect(shown.headers.has("content-disposition")).toBe(false)
    }
  }
})

test("the columns of 80 lists take two requests a list and one an interest category, concurrently", async () => {
  const lists = Array.from({ length: 80 }, (_, index) => ({
    name: `List ${index}`,
    count: 1,
    interestCategories: [{ title: "Sort", interests: [{ name: "Green" }] }],
  }))
  await using many = await startSandboxAndService({ lists, latencyMs: 100 })
  const started = performance.now()
  const text = await (await many.get("/export?format=csv")).text()
  const fieldRequests = many.sandbox.traffic.log.filter(({ path }) => /merge-fields|interest/.test(path))
  expect(rowsOf(text).length).toBe(many.liveRows().length)
  expect(fieldRequests).toHaveLength(240)
  // One after the other they would take 24 s.
  expect(performance.now() - started).toBeLessThan(15_000)
}, 60_000)
