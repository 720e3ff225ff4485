import { afterAll, expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import type { RequestEntry } from "../../src/sandbox/traffic.ts"
import type { List } from "../../src/sandbox/account.ts"
import { connectAccount, type RunningService, sandboxEnv, startService } from "../support/service.ts"

/**
 * The allowance of each Mailchimp user: concurrent connections, a burst of requests, and requests per second after
 * it.
 */
const allowed = { connections: 10, burst: 10, perSecond: 10 }
/** How many requests one export may be ahead of another while both have work, beyond which the shares are unfair. */
const aFew = 6

const mailchimp = startSandbox({
  decision: "approve",
  latencyMs: 10,
  accounts: [
    {
      lists: [
        { name: "First", count: 1800 },
        { name: "Second", count: 1800 },
      ],
    },
    { lists: [{ name: "Third", count: 1800 }] },
  ],
})
const { sandbox } = mailchimp
const [shared, alone] = sandbox.state.accounts
const [first, second] = shared?.lists ?? []
const [third] = alone?.lists ?? []
if (!shared || !alone || !first || !second || !third) throw new Error("no lists")
afterAll(mailchimp.stop)

test("two exports of one account and one of another: the two share Mailchimp's limits, the third has its own", async () => {
  const service = await startService({
    ...sandboxEnv(mailchimp),
    MAILCHIMP_PAGE_SIZE: "100",
    MAILCHIMP_REQUESTS_PER_SECOND: String(allowed.perSecond),
  })
  try {
    // Two users of the platform have connected the same Mailchimp account.
    const ada = await connectAccount(service, "ada")
    const bob = await connectAccount(service, "bob")
    sandbox.settings.consentingUserId = alone.userId
    const cyd = await connectAccount(service, "cyd")

    await Promise.all([
      exportWhole(service, first, ada),
      exportWhole(service, second, bob),
      exportWhole(service, third, cyd),
    ])

    for (const { userId } of [shared, alone]) {
      expect(sandbox.traffic.connections(userId).peak).toBeLessThanOrEqual(allowed.connections)
      expect(mostOverAllowance(requestsOf(userId))).toBeLessThanOrEqual(0)
    }
    const requests = sandbox.traffic.log
    expect(requests.filter(({ status, userId }) => userId !== undefined && status !== 200)).toEqual([])
    expect(requestsOf(shared.userId).length).toBeGreaterThan(30)

    expect(mostAhead(requests, isOf(first.id), isOf(second.id))).toBeLessThanOrEqual(aFew)
    expect(mostAhead(requests, isOf(second.id), isOf(first.id))).toBeLessThanOrEqual(aFew)
    // The third export alone progresses as fast as the other two together, except for the first ten requests: it
    // waits for neither.
    const isOfShared = ({ userId }: RequestEntry) => userId === shared.userId
    expect(mostAhead(requests, isOfShared, isOf(third.id))).toBeLessThanOrEqual(allowed.burst)
  } finally {
    await service.stop()
  }
}, 30_000)

test("25 exports of one account at once use all of its ten connections, and never an eleventh", async () => {
  const service = await startService({ ...sandboxEnv(mailchimp), MAILCHIMP_PAGE_SIZE: "900" })
  sandbox.traffic.reset()
  sandbox.settings.consentingUserId = shared.userId
  sandbox.settings.latencyMs = 50
  try {
    const headers = await connectAccount(service)
    await Promise.all(Array.from({ length: 25 }, () => exportWhole(service, first, headers)))
    expect(sandbox.traffic.connections(shared.userId)).toEqual({ now: 0, peak: allowed.connections })
    expect(requestsOf(shared.userId).filter(({ status }) => status !== 200)).toEqual([])
  } finally {
    await service.stop()
  }
}, 30_000)

async function exportWhole(service: RunningService, list: List, headers: Record<string, string>) {
  const text = await (await fetch(`${service.api}/export/${list.id}`, { headers })).text()
  expect(text.trim().split("\n")).toHaveLength(list.table.order("none", "live").size)
}

function requestsOf(userId: number): RequestEntry[] {
  return sandbox.traffic.log.filter((entry) => entry.userId === userId)
}

function isOf(listId: string) {
  return (entry: RequestEntry) => entry.listId === listId
}

/**
 * The most requests over the allowance in any span of time from one arrival to another; 0 or less if it is never
 * exceeded.
 */
function mostOverAllowance(requests: readonly RequestEntry[]): number {
  let most = -Infinity
  for (const [from, { at: startMs }] of requests.entries())
    for (const [offset, { at: endMs }] of requests.slice(from).entries())
      most = Math.max(most, offset + 1 - allowed.burst - (allowed.perSecond * (endMs - startMs)) / 1000)
  return most
}

/** The most requests by which `one` was ever ahead of `other`, up to the last request of `other`. */
function mostAhead(
  requests: readonly RequestEntry[],
  one: (entry: RequestEntry) => boolean,
  other: (entry: RequestEntry) => boolean,
): number {
  let ahead = 0
  let most = 0
  for (const entry of requests.slice(0, requests.findLastIndex(other))) {
    if (one(entry)) ahead += 1
    if (other(entry)) ahead -= 1
    most = Math.max(most, ahead)
  }
  return most
}
