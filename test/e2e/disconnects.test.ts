import { afterAll, expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { connectAccount, sandboxEnv, startService } from "../support/service.ts"
import { until } from "../support/until.ts"

const mailchimp = startSandbox({
  decision: "approve",
  // Slow enough that many concurrent requests are useful.
  latencyMs: 10,
  accounts: [{ lists: [{ name: "Thirty pages", count: 3000 }] }],
})
const service = await startService({ ...sandboxEnv(mailchimp), MAILCHIMP_PAGE_SIZE: "100" })
afterAll(async () => {
  await service.stop()
  await mailchimp.stop()
})

const userId = mailchimp.sandbox.state.accounts[0]?.userId ?? 0
const { sandbox } = mailchimp

test("a consumer disconnects in the middle of many pages, 100 times in a row: requests to Mailchimp are aborted at once, and nothing leaks", async () => {
  const headers = await connectAccount(service)
  const delaysMs: number[] = []
  for (let round = 0; round < 100; round += 1) {
    // The pages of windows, which have an upper bound, hang in the middle of their bodies, and the consumer disconnects
    // meanwhile. The single rows that tell where to split arrive at once.
    sandbox.faults.add({
      match: { query: /(?=.*count=100)(?=.*before_last_changed=)/ },
      action: { kind: "slow", chunks: 4, everyMs: 60_000 },
      times: Infinity,
    })
    const earlier = sandbox.traffic.log.length
    const hanging = () => sandbox.traffic.log.slice(earlier).filter(({ fault }) => fault === "slow")
    const leaving = new AbortController()
    const response = await fetch(`${service.api}/export`, { headers, signal: leaving.signal })
    const reader = response.body?.getReader()
    await reader?.read()
    await until("eight requests that hang", () => hanging().length >= 8)
    const leftMs = Date.now()
    leaving.abort()
    await reader?.read().catch(() => {})
    await until("the end of every request", () => sandbox.traffic.connections(userId).now === 0)
    for (const { abortedAt = Infinity } of hanging()) delaysMs.push(abortedAt - leftMs)
    sandbox.faults.clear()
  }
  expect(delaysMs.every(Number.isFinite)).toBe(true)
  await until("the end of every export", () => service.server.pendingRequests === 0)

  // Afterwards every permit is free: of ten concurrent exports none waits.
  const whole = await Promise.all(
    Array.from(
      { length: 10 },
      async () => (await (await fetch(`${service.api}/export`, { headers })).text()).split("\n").length,
    ),
  )
  expect(new Set(whole).size).toBe(1)
  expect(service.services.limiterStates()).toEqual([
    expect.objectContaining({ inUse: 0, waiting: 0, flows: 0, permits: 10 }),
  ])
  const left = service.log.filter((line) => line.includes('"export left"'))
  expect(left).toHaveLength(100)
  delaysMs.sort((a, b) => a - b)
  const medianMs = delaysMs[Math.floor(delaysMs.length / 2)] ?? Infinity
  console.info(
    `${delaysMs.length} requests were aborted ${medianMs} ms (median), ${delaysMs.at(-1)} ms (at most) after the consumer disconnected`,
  )
  // The median, because a busy machine delays some. The next chunk of a page would be a minute later.
  expect(medianMs).toBeLessThan(100)
}, 120_000)
