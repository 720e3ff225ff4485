import { afterEach, describe, expect, test } from "bun:test"
import { isUtf8 } from "node:buffer"
import { connect } from "node:net"
import type { oddities } from "../../../src/sandbox/faults/odd-pages.ts"
import { createSandbox, type SandboxOptions } from "../../../src/sandbox/sandbox.ts"
import { startSandbox, type RunningSandbox } from "../../../src/sandbox/serve.ts"
import { until } from "../../support/until.ts"
import { createVirtualClock } from "../../support/virtual-clock.ts"

let running: RunningSandbox | undefined

afterEach(async () => {
  await running?.stop()
  running = undefined
})

const listId = "aaaaaaaaaa"
const userId = 1

function start(options: SandboxOptions = {}) {
  running = startSandbox({
    gzip: false,
    ...options,
    accounts: [
      {
        userId,
        tokens: ["t"],
        lists: [
          { id: listId, name: "A", count: 300 },
          { id: "cccccccccc", name: "C", count: 5 },
        ],
      },
      { userId: 2, tokens: ["other"], lists: [{ id: "bbbbbbbbbb", name: "B", count: 3 }] },
    ],
  })
  const { url, sandbox } = running
  const members = (query = "count=100", init: { signal?: AbortSignal } = {}) =>
    fetch(`${url}/3.0/lists/${listId}/members?${query}`, { ...init, headers: { authorization: "Bearer t" } })
  return { url, sandbox, members }
}

/** The raw bytes on the wire until the connection ends. */
function readRaw(url: string, path: string): Promise<{ bytes: string; failed: boolean }> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    let bytes = ""
    let failed = false
    const socket = connect(Number(port), hostname, () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer t\r\n\r\n`)
    })
    socket.on("data", (data) => (bytes += data.toString("latin1")))
    socket.on("error", () => (failed = true))
    socket.on("close", () => resolve({ bytes, failed }))
  })
}

const page = `/3.0/lists/${listId}/members?count=100`

describe("a fault", () => {
  test("is played for matching requests, after `skip` of them, `times` times", async () => {
    const { sandbox, members } = start()
    const fault = sandbox.faults.add({
      match: { path: /members$/, method: "GET", listId, query: /count=50&offset=100/ },
      action: { kind: "problem", problem: "internal_server_error" },
      skip: 1,
      times: 2,
    })
    const statuses = []
    for (const offset of [0, 100, 100, 0, 100, 100]) {
      statuses.push((await members(`count=50&offset=${offset}`)).status)
    }
    expect(statuses).toEqual([200, 200, 500, 200, 500, 200])
    expect([fault.matched, fault.played]).toEqual([4, 2])
    sandbox.faults.add({ action: { kind: "html", status: 502 }, times: Infinity }).remove()
    expect((await members()).status).toBe(200)
  })

  test.each([
    ["api_key_invalid", 401, "API Key Invalid"],
    ["user_disabled", 403, "User Disabled"],
    ["wrong_datacenter", 403, "Wrong Datacenter"],
    ["forbidden", 403, "Forbidden"],
    ["resource_not_found", 404, "Resource Not Found"],
    ["too_many_requests", 429, "Too Many Requests"],
    ["internal_server_error", 500, "Internal Server Error"],
    ["service_unavailable", 503, "Service Unavailable"],
    ["gateway_timeout", 504, "Gateway Timeout"],
  ] as const)("%s is a %d %s", async (problem, status, title) => {
    const { sandbox, members } = start()
    sandbox.faults.add({ action: { kind: "problem", problem } })
    const response = await members()
    expect(response.status).toBe(status)
    expect(response.headers.has("retry-after")).toBe(false)
    expect(await response.json()).toMatchObject({ status, title })
  })

  test("that would never be played is refused: -1 means always only where JSON has no infinity", () => {
    const { faults } = start().sandbox
    for (const times of [0, -1, NaN])
      expect(() => faults.add({ action: { kind: "reset" }, times })).toThrow("at least once")
  })

  test("can be the JSON of a gateway, on any path, even the metadata endpoint's", async () => {
    const { url, sandbox, members } = start()
    const action = { kind: "json", status: 401, body: { message: "Unauthorized" } } as const
    sandbox.faults.add({ match: { path: "/members" }, action })
    const refused = await members()
    expect([refused.status, await refused.json()]).toEqual([401, { message: "Unauthorized" }])
    sandbox.faults.add({
      match: { path: "/oauth2/metadata" },
      action: { kind: "json", status: 200, body: { error: "invalid_token" } },
    })
    const metadata = () => fetch(`${url}/oauth2/metadata`, { headers: { authorization: "OAuth t" } })
    expect(await (await metadata()).json()).toEqual({ error: "invalid_token" })
    expect(await (await metadata()).json()).toMatchObject({ user_id: userId })
  })

  test("can carry a Retry-After, be HTML, or broken JSON with 200", async () => {
    const { sandbox, members } = start()
    sandbox.faults.add({ action: { kind: "problem", problem: "too_many_requests", retryAfter: "7" } })
    expect((await members()).headers.get("retry-after")).toBe("7")
    for (const status of [200, 403, 502]) {
      sandbox.faults.add({ action: { kind: "html", status } })
      const response = await members()
      expect(response.status).toBe(status)
      expect(await response.text()).toStartWith("<html>")
    }
    sandbox.faults.add({ action: { kind: "bad_json" } })
    const broken = await members()
    expect(broken.status).toBe(200)
    await expect(broken.json()).rejects.toThrow()
    expect((await members()).status).toBe(200)
  })

  test("can make the members of a list permanently unreadable, while GET /lists still shows the list", async () => {
    const { sandbox, url, members } = start()
    const headers = { authorization: "Bearer t" }
    sandbox.faults.add({
      match: { listId, path: "/members" },
      action: { kind: "problem", problem: "resource_not_found" },
      times: Infinity,
    })
    for (let round = 0; round < 3; round++) expect((await members()).status).toBe(404)
    expect((await fetch(`${url}/3.0/lists/cccccccccc/members`, { headers })).status).toBe(200)
    const { lists } = JSON.parse(await (await fetch(`${url}/3.0/lists?fields=lists.id`, { headers })).text())
    expect(lists).toEqual([{ id: listId }, { id: "cccccccccc" }])
    sandbox.state.removeList("cccccccccc")
    expect((await fetch(`${url}/3.0/lists/cccccccccc/members`, { headers })).status).toBe(404)
    expect(sandbox.faults.list()).toMatchObject([{ matched: 3, played: 3 }])
  })

  test("short_page has fewer rows than requested, but the full total", async () => {
    const { sandbox, members } = start()
    sandbox.faults.add({ action: { kind: "short_page", rows: 7 } })
    const short = JSON.parse(await (await members()).text())
    const whole = JSON.parse(await (await members()).text())
    expect(short.members).toEqual(whole.members.slice(0, 7))
    expect(short.total_items).toBe(whole.total_items)
  })

  test("odd_page is a page that is unusual or wrong", async () => {
    const { sandbox, members } = start()
    const odd = async (oddity: (typeof oddities)[number], query = "count=100") => {
      sandbox.faults.add({ action: { kind: "odd_page", oddity } })
      return Buffer.from(await (await members(query)).arrayBuffer())
    }
    const whole = JSON.parse(await (await members()).text())
    const more = JSON.parse((await odd("more_arrays")).toString())
    expect(more).toMatchObject(whole)
    expect(more.constraints).toEqual([{ x: 1 }, { id: 1 }])
    expect(isUtf8(await odd("not_utf8"))).toBe(false)
    const joined = (await odd("joined")).toString()
    expect(() => JSON.parse(joined)).toThrow()
    expect(joined).toContain(JSON.stringify(whole.members[98]))
    const other = JSON.parse((await odd("other_list")).toString())
    expect([other.list_id, other.members.length]).toEqual(["0000000000", 100])
    expect(other.members[0].email_address).not.toBe(whole.members[0].email_address)
    expect(JSON.parse((await odd("no_members")).toString())).toEqual(whole)
    const none = "count=100&since_last_changed=2090-01-01T00:00:00%2B00:00"
    const empty = JSON.parse((await odd("no_members", none)).toString())
    expect([empty.total_items, "members" in empty]).toEqual([0, false])
    expect(JSON.parse((await odd("null_members", none)).toString()).members).toBe(null)
    const rows: { id?: unknown }[] = JSON.parse((await odd("odd_ids")).toString()).members
    const withoutId = (row: object) => ({ ...row, id: undefined })
    expect(rows.map(withoutId)).toEqual(whole.members.map(withoutId))
    const ids = rows.map(({ id }) => id)
    for (const id of ["", null, 12, undefined]) expect(ids).toContain(id)
    expect(ids.some((id) => typeof id === "string" && id !== id.toLowerCase())).toBe(true)
  })

  test("cut breaks the connection in the middle of the body, without a terminator", async () => {
    const { sandbox, members, url } = start()
    sandbox.faults.add({ action: { kind: "cut", keep: 0.5 }, times: 2 })
    const { bytes, failed } = await readRaw(url, page)
    expect(bytes).toStartWith("HTTP/1.1 200 OK")
    expect(bytes.length).toBeGreaterThan(50_000)
    expect(bytes).not.toContain('"total_items"')
    expect(bytes).not.toEndWith("0\r\n\r\n")
    expect(failed).toBe(true)
    const response = await members()
    expect(response.status).toBe(200)
    await expect(response.bytes()).rejects.toThrow()
    await until("the end of every request", () => sandbox.traffic.connections(userId).now === 0)
  })

  test("cut breaks a compressed response too", async () => {
    const { sandbox, members } = start({ gzip: true })
    const whole = await members()
    expect(whole.headers.get("content-encoding")).toBe("gzip")
    expect(JSON.parse(await whole.text()).members).toHaveLength(100)
    sandbox.faults.add({ action: { kind: "cut" } })
    const response = await members()
    await expect(response.bytes()).rejects.toThrow()
  })

  test("reset breaks the connection before the headers are complete", async () => {
    const { sandbox, members, url } = start()
    sandbox.faults.add({ action: { kind: "reset" } })
    const { bytes, failed } = await readRaw(url, page)
    expect(bytes).not.toContain("\r\n\r\n")
    expect(failed).toBe(true)
    sandbox.faults.add({ action: { kind: "reset" }, times: 5 })
    await expect(members()).rejects.toThrow()
  })

  test("hang holds its connection until the client disconnects, which is recorded", async () => {
    const { sandbox, members } = start()
    sandbox.faults.add({ action: { kind: "hang" } })
    const leaving = new AbortController()
    const requested = members("", { signal: leaving.signal })
    await until("the arrival of a request", () => sandbox.traffic.connections(userId).now === 1)
    leaving.abort()
    await expect(requested).rejects.toThrow()
    await until("the end of every request", () => sandbox.traffic.connections(userId).now === 0)
    expect(sandbox.traffic.log.at(-1)).toMatchObject({ fault: "hang", listId, abortedAt: expect.any(Number) })
  })

  test("hang ends when the sandbox stops", async () => {
    const { sandbox, members } = start()
    sandbox.faults.add({ action: { kind: "hang" } })
    const requested = members().then(
      () => "responded",
      () => "broken",
    )
    await until("the arrival of a request", () => sandbox.traffic.connections(userId).now === 1)
    await running?.stop()
    expect(await requested).toBe("broken")
  })

  test("slow sends the whole body in pieces and holds its connection meanwhile", async () => {
    const { sandbox, members } = start()
    sandbox.faults.add({ action: { kind: "slow", chunks: 4, everyMs: 10 } })
    const response = await members()
    expect(sandbox.traffic.connections(userId).now).toBe(1)
    const chunks = []
    for await (const chunk of response.body!) chunks.push(chunk)
    expect(chunks.length).toBeGreaterThan(1)
    expect(JSON.parse(Buffer.concat(chunks).toString()).members).toHaveLength(100)
    await until("the end of every request", () => sandbox.traffic.connections(userId).now === 0)
  })
  test("trickle sends the headers and a byte at once, and then a byte at a time", async () => {
    const { sandbox, members } = start()
    sandbox.faults.add({ action: { kind: "trickle", everyMs: 10 } })
    const leaving = new AbortController()
    const response = await members("count=100", { signal: leaving.signal })
    const chunks: Uint8Array[] = []
    const reading = async () => {
      for await (const chunk of response.body!) if (chunks.push(chunk) === 5) leaving.abort()
    }
    await expect(reading()).rejects.toThrow()
    expect(chunks.every(({ length }) => length < 5)).toBe(true)
    await until("the end of every request", () => sandbox.traffic.connections(userId).now === 0)
  })

  test("empty has no body, and redirect names another address", async () => {
    const { sandbox, url } = start()
    const read = () => fetch(url + page, { redirect: "manual", headers: { authorization: "Bearer t" } })
    sandbox.faults.add({ action: { kind: "empty", status: 403 } })
    const refused = await read()
    expect([refused.status, await refused.text()]).toEqual([403, ""])
    sandbox.faults.add({ action: { kind: "redirect", location: "https://else.example.com/" } })
    const redirected = await read()
    expect([redirected.status, redirected.headers.get("location")]).toEqual([
      302,
      "https://else.example.com/",
    ])
  })

  test("revoke and disable last beyond their request", async () => {
    const { sandbox, members } = start()
    sandbox.faults.add({ action: { kind: "disable" }, skip: 1 })
    expect([(await members()).status, (await members()).status]).toEqual([200, 403])
    expect(JSON.parse(await (await members()).text())).toMatchObject({ title: "User Disabled" })
    sandbox.setDisabled(userId, false)
    expect((await members()).status).toBe(200)
    sandbox.faults.add({ action: { kind: "revoke" } })
    expect([(await members()).status, (await members()).status]).toEqual([401, 401])
    sandbox.reset()
    expect((await members()).status).toBe(200)
  })

  test("forMs ends a fault, counted from the first request that failed", async () => {
    const clock = createVirtualClock()
    const sandbox = createSandbox({ clock, accounts: [{ tokens: ["t"] }] })
    const statusOf = async () => {
      const request = new Request("http://127.0.0.1/3.0/lists", { headers: { authorization: "Bearer t" } })
      return (await sandbox.fetch(request)).status
    }
    const action = { kind: "problem", problem: "too_many_requests" } as const
    sandbox.faults.add({ action, times: Infinity, forMs: 1000 })
    await clock.advance(5000)
    expect(await statusOf()).toBe(429)
    await clock.advance(1000)
    expect(await statusOf()).toBe(429)
    await clock.advance(1)
    expect(await statusOf()).toBe(200)
  })
})
