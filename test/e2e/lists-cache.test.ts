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

test("100 callers of one list at once cause the requests of one; refresh=true requests anew", async () => {
  const { sandbox, get, listIds } = running
  const path = `/lists/${listIds[0]}`
  const requestsOf = async (count: number, query = "") => {
    const before = sandbox.traffic.total
    const responses = await Promise.all(Array.from({ length: count }, () => get(path + query)))
    for (const response of responses) {
      expect([response.status, response.headers.get("age")]).toEqual([200, "0"])
      expect(await response.json()).toMatchObject({ data: { name: "One", merge_fields: expect.any(Array) } })
    }
    return sandbox.traffic.total - before
  }
  const ofMany = await requestsOf(100)
  expect(ofMany).toBeGreaterThan(0)
  expect(await requestsOf(1, "?refresh=true")).toBe(ofMany)
  expect(await requestsOf(1)).toBe(0)
  expect((await get(`${path}?refresh=perhaps`)).status).toBe(400)
})

test("a deleted connection shows nothing of it", async () => {
  const paths = ["/lists", `/lists/${running.listIds[0]}`]
  for (const path of paths) expect((await running.get(path)).status).toBe(200)
  const { service, headers } = running
  await fetch(`${service.api}/auth`, { method: "DELETE", headers })
  for (const path of paths)
    expect(await problemOf(await running.get(path))).toEqual([404, "access_token_not_found"])
})
