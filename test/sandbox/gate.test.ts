import { afterEach, expect, test } from "bun:test"
import type { SandboxOptions } from "../../src/sandbox/sandbox.ts"
import { startSandbox, type RunningSandbox } from "../../src/sandbox/serve.ts"
import { until } from "../support/until.ts"

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

test("the eleventh simultaneous connection of a user is a 429, another user's is not", async () => {
  const { sandbox, members, url } = start()
  sandbox.faults.add({ match: { query: "hanging" }, action: { kind: "hang" }, times: 10 })
  const leaving = new AbortController()
  const requested = Array.from({ length: 10 }, () =>
    members("hanging=1", { signal: leaving.signal }).catch(() => "left"),
  )
  await until("the arrival of ten requests", () => sandbox.traffic.connections(userId).now === 10)
  const refused = await members()
  expect(refused.status).toBe(429)
  expect(await refused.json()).toMatchObject({ title: "Too Many Requests" })
  const other = await fetch(`${url}/3.0/lists`, { headers: { authorization: "Bearer other" } })
  expect(other.status).toBe(200)
  leaving.abort()
  expect(await Promise.all(requested)).toEqual(Array.from({ length: 10 }, () => "left"))
  await until("the end of every request", () => sandbox.traffic.connections(userId).now === 0)
  expect(sandbox.traffic.connections(userId).peak).toBe(10)
  expect((await members()).status).toBe(200)
})

test("each request is recorded and reported as it arrives", async () => {
  const seen: string[] = []
  const { sandbox, members } = start({ onRequest: ({ method, path }) => seen.push(`${method} ${path}`) })
  await members()
  expect(seen).toEqual([`GET /3.0/lists/${listId}/members`])
  expect(sandbox.traffic.counts()).toEqual({ "GET /3.0/lists/:id/members": 1 })
  expect(sandbox.traffic.log).toMatchObject([
    { status: 200, userId, listId, query: "?count=100", abortedAt: undefined },
  ])
})
