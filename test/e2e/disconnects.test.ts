import { afterAll, expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { connectAccount, sandboxEnv, startService } from "../support/service.ts"

const mailchimp = startSandbox({
  decision: "approve",
  accounts: [{ lists: [{ name: "Two pages", count: 150 }] }],
})
const service = await startService({ ...sandboxEnv(mailchimp), MAILCHIMP_PAGE_SIZE: "100" })
afterAll(async () => {
  await service.stop()
  await mailchimp.stop()
})

const userId = mailchimp.sandbox.state.accounts[0]?.userId ?? 0
const { sandbox } = mailchimp

/** Resolves as soon as something is so, by looking again and again: nothing else tells. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await Bun.sleep(1)
}

test("a consumer who leaves in the middle of a page, 100 times in a row: Mailchimp is left at once, and nothing is left behind", async () => {
  const headers = await connectAccount(service)
  const members = () => sandbox.traffic.log.filter(({ path }) => path.endsWith("/members"))
  const delaysMs: number[] = []
  for (let round = 0; round < 100; round += 1) {
    // The second page hangs in the middle of its body, and the consumer leaves while it does.
    sandbox.faults.add({
      match: { path: "/members" },
      action: { kind: "slow", chunks: 4, everyMs: 60_000 },
      skip: 1,
    })
    const before = members().length
    const leaving = new AbortController()
    const answer = await fetch(`${service.api}/export`, { headers, signal: leaving.signal })
    const reader = answer.body?.getReader()
    await reader?.read()
    await until(() => members().length === before + 2)
    const leftMs = Date.now()
    leaving.abort()
    await reader?.read().catch(() => {})
    await until(() => members()[before + 1]?.abortedAt !== undefined)
    delaysMs.push((members()[before + 1]?.abortedAt ?? 0) - leftMs)
    sandbox.faults.clear()
  }
  await until(() => sandbox.traffic.connections(userId).now === 0)
  await until(() => service.server.pendingRequests === 0)

  // Whoever comes next finds every permit free: ten exports at once, none of which waits.
  const whole = await Promise.all(
    Array.from(
      { length: 10 },
      async () => (await (await fetch(`${service.api}/export`, { headers })).text()).split("\n").length,
    ),
  )
  expect(new Set(whole).size).toBe(1)
  expect(service.services.limiterStates()).toEqual([
    expect.objectContaining({ inUse: 0, waiting: 0, parties: 0, permits: 10 }),
  ])
  const left = service.log.filter((line) => line.includes('"export left"'))
  expect(left).toHaveLength(100)
  delaysMs.sort((a, b) => a - b)
  console.info(
    `upstream was aborted ${delaysMs[50]} ms (median), ${delaysMs[99]} ms (at most) after the consumer left`,
  )
}, 120_000)
