import { afterAll, beforeAll, expect, test } from "bun:test"
import { problemOf } from "../support/job-client.ts"
import { startSandboxAndService, type SandboxAndService } from "../support/sandbox-and-service.ts"

let running: SandboxAndService

beforeAll(async () => {
  running = await startSandboxAndService({
    lists: [{ name: "One", count: 3 }],
    latencyMs: 50,
    env: { LISTS_CACHE_S: "60" },
  })
})
afterAll(() => running[Symbol.asyncDispose]())

test("100 callers at once cause one request; the age is told, and refresh=true requests anew", async () => {
  const { sandbox, get } = running
  const before = sandbox.traffic.total
  const leaver = new AbortController()
  const left = fetch(`${running.service.api}/lists`, { headers: running.headers, signal: leaver.signal })
  const responses = Promise.all(Array.from({ length: 100 }, () => get("/lists")))
  await Bun.sleep(20)
  leaver.abort()
  await left.catch(() => {})
  for (const response of await responses) {
    expect([response.status, response.headers.get("age")]).toEqual([200, "0"])
    expect(await response.json()).toMatchObject({ data: [{ name: "One" }] })
  }
  expect(sandbox.traffic.total - before).toBe(1)
  await get("/lists?refresh=true")
  expect(sandbox.traffic.total - before).toBe(2)
  await get("/lists")
  expect(sandbox.traffic.total - before).toBe(2)
  expect((await get("/lists?refresh=perhaps")).status).toBe(400)
})

test("a deleted connection shows nothing of it", async () => {
  expect((await running.get("/lists")).status).toBe(200)
  const { service, headers } = running
  await fetch(`${service.api}/auth`, { method: "DELETE", headers })
  expect(await problemOf(await running.get("/lists"))).toEqual([404, "access_token_not_found"])
})
