import { afterAll, beforeEach, describe, expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { createBrowser } from "../support/browser.ts"
import type { EventLine } from "../../src/exports/event-lines.ts"
import { readLines } from "../support/event-lines.ts"
import { liveRowsOf } from "../support/live-rows.ts"
import { bearer, connectAccount, sandboxEnv, startService } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { until } from "../support/until.ts"

const userId = 7
const mailchimp = startSandbox({
  decision: "approve",
  latencyMs: 5,
  accounts: [
    {
      userId,
      dc: "us1",
      lists: [
        { name: "Thirty pages", count: 3000 },
        { name: "Ten pages", count: 1000 },
      ],
    },
  ],
})
const { sandbox } = mailchimp
const env = { MAILCHIMP_PAGE_SIZE: "100", CURSOR_MARGIN_S: "1" }
const service = await startService({ ...sandboxEnv(mailchimp), ...env })
afterAll(async () => {
  await service.stop()
  await mailchimp.stop()
})

let headers: Record<string, string>
beforeEach(async () => {
  sandbox.reset()
  headers = await connectAccount(service)
  sandbox.traffic.reset()
})

type Received = { rows: string[]; events: EventLine[]; isBroken: boolean }

/** Reads an export to its end, and calls `onRow` with the number of rows so far. */
async function read(response: Response, onRow: (rows: number) => Promise<void> | void = () => {}) {
  const received: Received = { rows: [], events: [], isBroken: false }
  try {
    for await (const line of readLines(response)) {
      if ("event" in line) received.events.push(line.event)
      else await onRow(received.rows.push(line.row))
    }
  } catch {
    received.isBroken = true
  }
  return received
}
const get = (path: string, init: RequestInit = {}) =>
  fetch(service.api + path, { ...init, headers: { ...headers, ...init.headers } })
const live = () =>
  sandbox.state.accounts.flatMap(({ lists }) => lists.flatMap(({ id }) => liveRowsOf(sandbox, id)))
const requestsTo = (path: string) => sandbox.traffic.log.filter((entry) => entry.path.includes(path))
const connection = async () => JSON.parse(await (await get("/auth")).text()).data
const codeOf = async (response: Response) => JSON.parse(await response.text()).code

describe("a refusal in mid-export", () => {
  test.each([
    ["a 401 of Mailchimp's", { kind: "problem", problem: "api_key_invalid" }],
    ["a gateway's 401 in JSON", { kind: "json", status: 401, body: { message: "Unauthorized" } }],
    ["a gateway's 401 in HTML", { kind: "html", status: 401 }],
    ["a wrong data center that is not wrong", { kind: "problem", problem: "wrong_datacenter" }],
    ["a disabled user", { kind: "problem", problem: "user_disabled" }],
  ] as const)("is not believed: %s, ten times at once", async (_name, action) => {
    sandbox.faults.add({ match: { path: "/members" }, action, skip: 5, times: 10 })
    const { rows, events } = await read(await get("/export?events=true"))
    expect(events.at(-1)).toMatchObject({ $export: "end", status: "complete" })
    expect([...new Set(rows)].toSorted()).toEqual(live().toSorted())
    expect(await connection()).toMatchObject({ token_invalidated: false })
    expect(requestsTo("/metadata").length).toBeLessThanOrEqual(2)
  })

  test("is not believed while the metadata cannot be read either", async () => {
    sandbox.faults.add({
      match: { path: "/members" },
      action: { kind: "problem", problem: "api_key_invalid" },
      skip: 5,
      times: 5,
    })
    for (const action of [
      { kind: "html", status: 502 },
      { kind: "json", status: 401, body: { error: "invalid_token" } },
      { kind: "bad_json" },
    ] as const)
      sandbox.faults.add({ match: { path: "/metadata" }, action })
    const { events } = await read(await get("/export?events=true"))
    expect(events.at(-1)).toMatchObject({ $export: "end", status: "complete" })
    expect(await connection()).toMatchObject({ token_invalidated: false })
  })

  test("of an account that moved to another data center redirects every request and the next export there", async () => {
    sandbox.settings.wrongDataCenterWith = "api_key_invalid"
    const { rows, events } = await read(await get("/export?events=true"), (rows) => {
      if (rows === 500) sandbox.move(userId, "us8")
    })
    expect(events.at(-1)).toMatchObject({ $export: "end", status: "complete" })
    expect([...new Set(rows)].toSorted()).toEqual(live().toSorted())
    expect(await connection()).toMatchObject({ data_center: "us8", token_invalidated: false })
    expect(requestsTo("/metadata")).toHaveLength(1)
    sandbox.traffic.reset()
    expect((await get("/lists")).status).toBe(200)
    expect(sandbox.traffic.log.map(({ path }) => path)).toEqual(["/us8/3.0/lists"])
  })

  test("of a revoked token ends the export, and marks the connection", async () => {
    const { events, isBroken } = await read(await get("/export?events=true"), (rows) => {
      if (rows === 500) sandbox.revoke(userId)
    })
    expect(events.at(-1)).toMatchObject({
      $export: "error",
      code: "connection_invalidated",
      retryable: false,
    })
    expect(isBroken).toBe(true)
    expect(await connection()).toMatchObject({ token_invalidated: true })
    expect(requestsTo("/metadata")).toHaveLength(1)
  })
})

describe("a connection that is deleted while an export runs", () => {
  const hang = () =>
    sandbox.faults.add({ match: { path: "/members" }, action: { kind: "hang" }, skip: 9, times: Infinity })
  const disconnect = async () => expect((await get("/auth", { method: "DELETE" })).status).toBe(200)

  /** Deletes the connection while pages hang, so that only the deletion can end the export. */
  const disconnectWhenItHangs = async () => {
    await until("a request that hangs", () => sandbox.traffic.log.some(({ fault }) => fault === "hang"))
    await disconnect()
  }

  test("ends the export with an error line, and no further request is made with its token", async () => {
    hang()
    const reading = read(await get("/export?events=true"))
    await disconnectWhenItHangs()
    const { events, isBroken } = await reading
    expect(events.at(-1)).toMatchObject({
      $export: "error",
      code: "disconnected",
      retryable: false,
      cursor: expect.any(String),
    })
    expect(isBroken).toBe(true)
    const { total } = sandbox.traffic
    sandbox.faults.clear()
    expect(await codeOf(await get("/export"))).toBe("access_token_not_found")
    await until("the end of the export", () => service.server.pendingRequests === 0)
    expect(sandbox.traffic.total).toBe(total)
    expect(
      sandbox.traffic.log.every(({ fault, abortedAt }) => fault !== "hang" || abortedAt !== undefined),
    ).toBe(true)
    expect(service.services.limiterStates()).toEqual([
      expect.objectContaining({ inUse: 0, waiting: 0, flows: 0 }),
    ])
  })

  test.each(["/export", "/export?format=json"])("breaks the transfer of %s", async (path) => {
    hang()
    const response = await get(path)
    const reading = response.text().then(
      () => "whole",
      () => "broken",
    )
    await disconnectWhenItHangs()
    expect(await reading).toBe("broken")
  })

  test("is a 409 before the first byte, for exports, slices and lists", async () => {
    for (const path of ["/export", "/export?count=5", "/lists"]) {
      headers = await connectAccount(service)
      sandbox.traffic.reset()
      sandbox.faults.add({ match: { path: "/lists" }, action: { kind: "hang" }, times: Infinity })
      const requested = get(path)
      await disconnectWhenItHangs()
      const response = await requested
      expect([response.status, await codeOf(response)]).toEqual([409, "disconnected"])
      sandbox.faults.clear()
    }
  })

  test("ends only its own exports: those of another caller and of a sub-account with the same Mailchimp user continue", async () => {
    headers = await bearer("with-sub-account", { sub_accounts: ["sub-1"] })
    const login = `${service.api}/auth/login?forward_url=${encodeURIComponent("https://app.example.com/done")}`
    for (const url of [login, `${login}&sub_account_id=sub-1`])
      expect(await createBrowser().follow(url, headers)).toContain("status=success")
    const stranger = await connectAccount(service)
    sandbox.settings.latencyMs = 30
    const own = read(await get("/export?events=true"), async (rows) => {
      if (rows === 300) await disconnect()
    })
    const [first, ...rest] = await Promise.all([
      own,
      get("/export?events=true", { headers: stranger }).then((response) => read(response)),
      get("/export?events=true&sub_account_id=sub-1").then((response) => read(response)),
    ])
    expect(first.events.at(-1)).toMatchObject({ $export: "error", code: "disconnected" })
    for (const { events } of rest) expect(events.at(-1)).toMatchObject({ $export: "end", status: "complete" })
  })

  test("ends the exports that other replicas run, even if the caller connects again at once", async () => {
    const replicas = serviceProcesses(mailchimp, env)
    try {
      const [here, there] = [await replicas.start(), await replicas.start()]
      const caller = await connectAccount(here, "replicated")
      sandbox.traffic.reset()
      hang()
      const reading = fetch(`${here.api}/export?events=true`, { headers: caller }).then((response) =>
        read(response),
      )
      await until("a request that hangs", () => sandbox.traffic.log.some(({ fault }) => fault === "hang"))
      expect((await fetch(`${there.api}/auth`, { method: "DELETE", headers: caller })).status).toBe(200)
      await connectAccount(there, "replicated")
      const { events } = await reading
      expect(events.at(-1)).toMatchObject({ $export: "error", code: "disconnected", retryable: false })
      sandbox.faults.clear()
      const again = await read(await fetch(`${here.api}/export?events=true`, { headers: caller }))
      expect(again.events.at(-1)).toMatchObject({ $export: "end", status: "complete" })
    } finally {
      await replicas.end()
    }
  })
})
