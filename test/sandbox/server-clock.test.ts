import { afterEach, expect, test } from "bun:test"
import { connect } from "node:net"
import { startSandbox, type RunningSandbox, type StartSandboxOptions } from "../../src/sandbox/serve.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

let running: RunningSandbox | undefined
afterEach(async () => {
  await running?.stop()
  running = undefined
})

function start(options: StartSandboxOptions = {}) {
  running = startSandbox({
    clock: createVirtualClock(Date.parse("2024-05-01T12:00:00Z")),
    ...options,
    accounts: [{ tokens: ["t"], lists: [{ id: "aaaaaaaaaa", name: "A", count: 3 }] }],
  })
  const { url, sandbox } = running
  const date = async (path = "/3.0/lists/aaaaaaaaaa/members") => {
    const response = await fetch(url + path, { headers: { authorization: "Bearer t" } })
    expect(response.status).toBe(200)
    return response.headers.get("date")
  }
  return { url, sandbox, date }
}

const noon = "Wed, 01 May 2024 12:00:00 GMT"
const later = "Wed, 01 May 2024 12:00:30 GMT"

test("the Date of every response can be ahead, or behind, while members are dated as before", async () => {
  const { sandbox, date } = start({ dateOffsetMs: 30_000 })
  expect(await date()).toBe(later)
  sandbox.settings.dateOffsetMs = -3_600_000
  expect(await date("/3.0/lists")).toBe("Wed, 01 May 2024 11:00:00 GMT")
  expect(sandbox.changes.addMember("aaaaaaaaaa").last_changed).toBe("2024-05-01T12:00:00+00:00")
})

test("the Date of chosen responses can be ahead, by a function or a fault", async () => {
  const { sandbox, date } = start({ dateOffsetMs: ({ url }) => (url.endsWith("/members") ? 30_000 : 0) })
  expect([await date("/3.0/lists"), await date()]).toEqual([noon, later])
  sandbox.settings.dateOffsetMs = 0
  sandbox.faults.add({ match: { path: /members$/ }, action: { kind: "date", offsetMs: 30_000 }, skip: 1 })
  expect([await date(), await date("/3.0/lists"), await date(), await date()]).toEqual([
    noon,
    noon,
    later,
    noon,
  ])
  expect(sandbox.traffic.log.map(({ fault }) => fault)).toContain("date")
})

test("a Date can be missing from all responses, or be no date in some", async () => {
  const { url, sandbox, date } = start({ sendsDate: false })
  expect(await date()).toBe("")
  expect(await readHead(url)).toMatch(/\r\ndate: \r\n/i)
  sandbox.settings.sendsDate = true
  sandbox.faults.add({ action: { kind: "date_text", text: "yesterday" } })
  sandbox.faults.add({ action: { kind: "date_text", text: "" } })
  expect([await date(), await date(), await date()]).toEqual(["yesterday", "", noon])
})

/** The bytes before the body, read raw because Bun adds a date to a response without a `Date`. */
function readHead(url: string): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    let text = ""
    const socket = connect(Number(port), hostname, () => {
      socket.write(`GET /3.0/lists HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`)
    })
    socket.on("data", (data) => (text += data.toString("latin1")))
    socket.on("error", reject)
    socket.on("close", () => resolve(text))
  })
}
