import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { z } from "zod"
import { startSandbox } from "../../../src/sandbox/serve.ts"
import { liveRowsOf } from "../../support/live-rows.ts"
import { connectAccount, sandboxEnv, startService, type RunningService } from "../../support/service.ts"
import { until } from "../../support/until.ts"

const mailchimp = startSandbox({
  decision: "approve",
  accounts: [
    {
      lists: [
        { name: "Five pages", count: 600 },
        { name: "Hostile", hostile: true },
        { name: "Nobody yet", count: 0 },
      ],
    },
  ],
})
const { sandbox } = mailchimp
let service: RunningService
let headers: Record<string, string>

beforeAll(async () => {
  service = await startService({ ...sandboxEnv(mailchimp), MAILCHIMP_PAGE_SIZE: "100" })
  headers = await connectAccount(service)
})
afterAll(async () => {
  await service.stop()
  await mailchimp.stop()
})
afterEach(() => sandbox.faults.clear())

const lists = () => sandbox.state.accounts.flatMap((account) => account.lists)
const listNamed = (name: string) => lists().find((list) => list.name === name)?.id ?? ""
const live = (listId: string) => liveRowsOf(sandbox, listId)
const get = (path: string, init: RequestInit = {}) =>
  fetch(`${service.api}${path}`, { ...init, headers: { ...headers, ...init.headers } })
const rowsOf = async (response: Response) => (await response.text()).split("\n").filter((line) => line !== "")
const idsOf = (rows: string[]) => rows.map((row) => JSON.parse(row).id).toSorted()

/** curl, as the simplest client: what it received, and whether it noticed an error. */
async function curl(path: string) {
  const process = Bun.spawn(
    ["curl", "-sS", "-f", "-H", `authorization: ${headers["authorization"]}`, `${service.api}${path}`],
    { stderr: "pipe" },
  )
  const [body, exitCode] = [await new Response(process.stdout).text(), await process.exited]
  return { body, exitCode }
}

describe("GET /export", () => {
  test.each(["2020-01-31T08:00:00 00:00", "2020-01-31T08:00:00.5 05:30"])(
    "reads the space of an unencoded plus sign as a plus: %s",
    async (date) => {
      const encoded = await get(`/export?since_last_changed=${encodeURIComponent(date.replace(" ", "+"))}`)
      const plain = await get(`/export?since_last_changed=${date.replace(" ", "+")}`)
      expect([plain.status, encoded.status]).toEqual([200, 200])
      expect(idsOf(await rowsOf(plain))).toEqual(idsOf(await rowsOf(encoded)))
      expect((await get("/export?since_last_changed=2020-01-31 08:00:00")).status).toBe(400)
    },
  )

  test.each(["before_last_changed=9999-12-31T23:59:59Z", "since_last_changed=0000-01-01T00:00:00Z"])(
    "requests no year that Mailchimp cannot parse: %s",
    async (query) => {
      sandbox.traffic.reset()
      const listId = listNamed("Five pages")
      expect(idsOf(await rowsOf(await get(`/export/${listId}?${query}`)))).toEqual(idsOf(live(listId)))
      const requested = sandbox.traffic.log.map(({ query }) => decodeURIComponent(query)).join(" ")
      expect(requested).toContain("_last_changed=")
      expect(requested).not.toMatch(/_last_changed=[+-]/)
    },
  )

  test("distinguishes a web id, which is a number, from an unknown id, and /lists shows both ids", async () => {
    const { data } = z
      .object({ data: z.array(z.object({ id: z.string(), web_id: z.int() })) })
      .parse(await (await get("/lists")).json())
    expect(data.map(({ id, web_id }) => [id, web_id])).toEqual(lists().map(({ id, webId }) => [id, webId]))
    const response = await get(`/export/${data[0]?.web_id}`)
    expect([response.status, await response.json()]).toMatchObject([
      404,
      { code: "list_not_found", detail: expect.stringContaining("web id"), upstream: { status: 404 } },
    ])
  })

  test("gives axios and Angular, which name JSON before a wildcard, one JSON document, and event lines with events=true", async () => {
    const axios = { headers: { accept: "application/json, text/plain, */*" } }
    const response = await get("/export?count=3", axios)
    expect(response.headers.get("content-type")).toBe("application/json")
    expect(await response.json()).toMatchObject({ success: true, data: { length: 3 } })
    const events = await get("/export?events=true", axios)
    expect(events.headers.get("content-type")).toBe("application/x-ndjson")
    expect((await rowsOf(events)).at(-1)).toContain('"status":"complete"')
  })

  test("streams every live member of every list as NDJSON, byte for byte as Mailchimp sent it", async () => {
    const response = await get("/export")
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "application/x-ndjson",
      "cache-control": "no-store",
      vary: expect.stringContaining("Accept, Accept-Encoding, Authorization"),
      "x-accel-buffering": "no",
    })
    expect((await rowsOf(response)).toSorted()).toEqual(
      lists()
        .flatMap(({ id }) => live(id))
        .toSorted(),
    )
  })

  test("streams the same members as one JSON document in the platform's envelope, by Accept or format", async () => {
    const expected = lists()
      .flatMap(({ id }) => live(id))
      .map((row) => JSON.parse(row).id)
    for (const response of [
      await get("/export", { headers: { accept: "application/json" } }),
      await get("/export?format=json"),
    ]) {
      expect(response.headers.get("content-type")).toBe("application/json")
      const document = JSON.parse(await response.text())
      expect(document).toMatchObject({ success: true, message: "Success" })
      expect(document.data.map(({ id }: { id: string }) => id).toSorted()).toEqual(expected.toSorted())
    }
  })

  test("each line of a hostile member parses to exactly that member", async () => {
    const listId = listNamed("Hostile")
    const rows = await rowsOf(await get(`/export/${listId}`))
    const sent = new Map(live(listId).map((row) => [JSON.parse(row).id, JSON.parse(row)]))
    expect(rows).toHaveLength(sent.size)
    for (const row of rows) expect(JSON.parse(row)).toEqual(sent.get(JSON.parse(row).id))
  })

  test("an empty list is an empty NDJSON, and an empty array", async () => {
    expect(await (await get(`/export/${listNamed("Nobody yet")}`)).text()).toBe("")
    expect(await (await get(`/export/${listNamed("Nobody yet")}?format=json`)).json()).toEqual({
      success: true,
      message: "Success",
      data: [],
    })
  })

  test("HEAD returns the headers without a request to Mailchimp", async () => {
    const before = sandbox.traffic.total
    const response = await get("/export", { method: "HEAD" })
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/x-ndjson"])
    expect(sandbox.traffic.total).toBe(before)
  })

  test("fields=email_address gives only that field, with and without the prefix", async () => {
    const listId = listNamed("Five pages")
    for (const query of ["fields=email_address", "fields=members.email_address"]) {
      const rows = await rowsOf(await get(`/export/${listId}?${query}`))
      expect(rows).toHaveLength(live(listId).length)
      for (const row of rows) expect(Object.keys(JSON.parse(row))).toEqual(["email_address"])
    }
    const [several = ""] = await rowsOf(
      await get(`/export/${listId}?fields=id,status&fields=merge_fields.FNAME`),
    )
    expect(Object.keys(JSON.parse(several))).toEqual(["id", "status", "merge_fields"])
  })

  test("exclude_fields leaves the address out of every row, with and without the prefix", async () => {
    for (const query of ["exclude_fields=email_address", "exclude_fields=members.email_address,id"]) {
      const text = await (await get(`/export/${listNamed("Five pages")}?${query}`)).text()
      expect(text).not.toContain('"email_address"')
      expect(text.split("\n").length).toBeGreaterThan(400)
    }
  })

  test("status selects the members of one status, also archived members if requested", async () => {
    const listId = listNamed("Five pages")
    const all = [...sandbox.truth(listId).members()]
    const statuses = {
      "status=subscribed": ["subscribed"],
      "status=archived": ["archived"],
      "status=archived&include=archived": ["archived"],
      "status=cleaned&include=archived": ["cleaned", "archived"],
    }
    for (const [query, wanted] of Object.entries(statuses)) {
      const rows = await rowsOf(await get(`/export/${listId}?${query}`))
      expect(idsOf(rows)).toEqual(
        all
          .filter(({ status }) => wanted.includes(status))
          .map(({ id }) => id)
          .toSorted(),
      )
    }
  })

  test("count and offset are a slice of the lists laid end to end", async () => {
    const whole: string[] = []
    for (let offset = 0; ; offset += 130) {
      const rows = await rowsOf(await get(`/export?count=130&offset=${offset}`))
      whole.push(...rows)
      if (rows.length < 130) break
    }
    expect(idsOf(whole)).toEqual(idsOf(lists().flatMap(({ id }) => live(id))))
    expect(await rowsOf(await get("/export?offset=3"))).toEqual(whole.slice(3, 13))
    expect(await rowsOf(await get("/export?count=5"))).toEqual(whole.slice(0, 5))
    expect(await rowsOf(await get("/export?offset=100000"))).toEqual([])
  })
})

describe("a cursor", () => {
  const endCursor = async () => {
    const lines = await rowsOf(await get("/export?events=true"))
    return String(JSON.parse(lines.at(-1) ?? "").cursor)
  }

  test("continues an export the same as a parameter, as the header Export-Cursor, and as both", async () => {
    const cursor = await endCursor()
    for (const [path, init] of [
      [`/export?events=true&cursor=${cursor}`, {}],
      ["/export?events=true", { headers: { "Export-Cursor": cursor } }],
      [`/export?events=true&cursor=${cursor}`, { headers: { "export-cursor": cursor } }],
    ] as const) {
      const response = await get(path, init)
      expect(response.status).toBe(200)
      const lines = (await rowsOf(response)).map((line) => JSON.parse(line))
      // Nothing has changed since: a first export would have 600 rows and more.
      expect(lines.at(-1)).toMatchObject({ $export: "end", status: "complete", rows: 0 })
    }
  })

  test("that differs between parameter and header is a 400 that names both, without a request to Mailchimp", async () => {
    const cursor = await endCursor()
    const before = sandbox.traffic.total
    const response = await get(`/export?events=true&cursor=${cursor}`, {
      headers: { "Export-Cursor": `${cursor}x` },
    })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      code: "invalid_parameter",
      detail: expect.stringContaining("cursor must equal the header Export-Cursor"),
      errors: [{ name: "cursor" }, { name: "Export-Cursor" }],
    })
    expect(sandbox.traffic.total).toBe(before)
  })

  test("in the header is refused like a cursor in the parameter, under the header's name", async () => {
    const header = { headers: { "Export-Cursor": "a" } }
    for (const [path, reason] of [
      ["/export?format=json", "requires NDJSON: format=ndjson"],
      ["/export?count=3", "must not come together with count or offset"],
    ] as const) {
      const problem = await (await get(path, header)).json()
      expect(problem).toMatchObject({
        code: "invalid_parameter",
        errors: [{ name: "Export-Cursor", reason }],
      })
    }
    expect(await (await get("/export", header)).json()).toMatchObject({ code: "invalid_cursor" })
  })
})

describe("an export without rows", () => {
  // Found by its query: if requests were counted, an aborted one of the export before that arrives late would be the first.
  const afterFirstPage = { path: "/members", query: "status=archived" }

  /**
   * Sends a request on a socket and returns what arrives until `isEnough`, while Mailchimp never responds to the
   * second page.
   */
  async function receive(path: string, isEnough: (text: string) => boolean): Promise<string> {
    const hang = sandbox.faults.add({
      match: afterFirstPage,
      action: { kind: "hang" },
      times: Number.POSITIVE_INFINITY,
    })
    const { promise, resolve } = Promise.withResolvers<string>()
    let text = ""
    const { hostname, port } = new URL(service.api)
    const socket = await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        data: (_socket, bytes) => {
          text += bytes.toString()
          if (isEnough(text)) resolve(text)
        },
      },
    })
    const request = [`GET ${new URL(service.api).pathname}${path} HTTP/1.1`, `host: ${hostname}:${port}`]
    socket.write(`${[...request, `authorization: ${headers["authorization"]}`].join("\r\n")}\r\n\r\n`)
    try {
      return await promise
    } finally {
      socket.end()
      await until("the end of the export", () => service.server.pendingRequests === 0)
      hang.remove()
    }
  }

  test.each([
    ["plain NDJSON", "", "1\r\n\n\r\n"],
    ["event lines", "&events=true", '{"$export":"start"'],
    ["JSON", "&format=json", '{"success":true,"message":"Success","data":['],
  ])(
    "sends its headers and first bytes while Mailchimp does not respond: %s",
    async (_name, query, first) => {
      const path = `/export/${listNamed("Nobody yet")}?include=archived${query}`
      const text = await receive(path, (text) => text.includes("\r\n\r\n") && text.includes(first))
      const [head = "", body = ""] = text.split(/\r\n\r\n(.*)/s)
      expect(head).toStartWith("HTTP/1.1 200 OK")
      expect(head.toLowerCase()).toContain("transfer-encoding: chunked")
      expect(body).toContain(first)
    },
    60_000,
  )

  test("has no row for jq or for a parser that skips empty lines", async () => {
    sandbox.faults.add({ match: afterFirstPage, action: { kind: "delay", ms: 2500 }, times: 2 })
    const { body, exitCode } = await curl(`/export/${listNamed("Nobody yet")}?include=archived`)
    expect(exitCode).toBe(0)
    expect(body).toMatch(/^\n+$/)
    expect(body.split("\n").filter((line) => line.trim() !== "")).toEqual([])
    if (Bun.which("jq") === null) return
    const jq = Bun.spawn(["jq", "-c", "."], { stdin: Buffer.from(body), stdout: "pipe" })
    expect(await new Response(jq.stdout).text()).toBe("")
    expect(await jq.exited).toBe(0)
  }, 60_000)
})

describe("a failure", () => {
  const failing = (skip: number) =>
    sandbox.faults.add({
      match: { path: "/members" },
      action: { kind: "problem", problem: "forbidden" },
      skip,
      times: Number.POSITIVE_INFINITY,
    })

  test.each(["ndjson", "json"])(
    "at page 3 of 5 breaks the transfer, so that curl fails: %s",
    async (format) => {
      failing(2)
      const { body, exitCode } = await curl(`/export/${listNamed("Five pages")}?format=${format}`)
      expect(exitCode).not.toBe(0)
      expect(body.match(/"email_address"/g)?.length).toBeGreaterThan(90)
      expect(() => JSON.parse(body)).toThrow()
    },
  )

  test.each(["ndjson", "json"])("at page 3 of 5 breaks fetch: %s", async (format) => {
    failing(2)
    const response = await get(`/export/${listNamed("Five pages")}?format=${format}`)
    expect(response.status).toBe(200)
    await expect(response.text()).rejects.toThrow()
  })

  test("before the first byte is a problem with its own status", async () => {
    failing(0)
    const response = await get(`/export/${listNamed("Five pages")}`)
    expect([response.status, response.headers.get("content-type")]).toEqual([403, "application/problem+json"])
    expect(await response.json()).toMatchObject({
      code: "mailchimp_forbidden",
      upstream: { status: 403, title: "Forbidden" },
    })
  })

  test.each([
    ["internal_server_error", 502, "mailchimp_error"],
    ["too_many_requests", 503, "mailchimp_throttled"],
    ["gateway_timeout", 504, "mailchimp_timeout"],
    ["resource_not_found", 404, "list_not_found"],
  ] as const)("of Mailchimp that persists, %s, is a %d %s", async (problem, status, code) => {
    // A separate service, because throttling pauses all requests of the account for as long as Mailchimp says.
    const own = await startService(sandboxEnv(mailchimp))
    const caller = await connectAccount(own)
    sandbox.faults.add({
      match: { path: "/lists" },
      action: { kind: "problem", problem, retryAfter: "3600" },
      times: Number.POSITIVE_INFINITY,
    })
    const response = await fetch(`${own.api}/export/${listNamed("Five pages")}`, { headers: caller })
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ code })
    if (status === 503) expect(response.headers.get("retry-after")).toBe("3600")
    await own.stop()
  })

  test.each(["99999999999999999999999999", "9".repeat(400), "Fri, 31 Dec 9999 23:59:59 GMT", "3601"])(
    "with Retry-After: %s tells the caller to retry in an hour",
    async (retryAfter) => {
      const own = await startService(sandboxEnv(mailchimp))
      const caller = await connectAccount(own)
      sandbox.faults.add({
        match: { path: "/lists" },
        action: { kind: "problem", problem: "too_many_requests", retryAfter },
        times: Number.POSITIVE_INFINITY,
      })
      const response = await fetch(`${own.api}/export`, { headers: caller })
      expect([response.status, response.headers.get("retry-after")]).toEqual([503, "3600"])
      const again = await fetch(`${own.api}/lists`, { headers: caller })
      // The account is paused for ten minutes at most: no caller is told to wait longer than that.
      expect(again.status).toBe(503)
      expect(Number(again.headers.get("retry-after"))).toBeWithin(590, 601)
      await own.stop()
    },
  )

  test("of one attempt is invisible: the page is requested again", async () => {
    const listId = listNamed("Five pages")
    for (const action of [
      { kind: "html", status: 200 },
      { kind: "bad_json" },
      { kind: "cut" },
      { kind: "reset" },
    ] as const) {
      sandbox.faults.add({ match: { path: "/members" }, action, skip: 2 })
    }
    expect(idsOf(await rowsOf(await get(`/export/${listId}`)))).toEqual(idsOf(live(listId)))
  })

  test("an unknown list is a 404 that names it", async () => {
    const response = await get("/export/0000000000")
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({
      code: "list_not_found",
      detail: expect.stringContaining("0000000000"),
      upstream: { status: 404 },
    })
  })
})
