/**
 * Two replicas that share Mailchimp's limits over Redis, with exports of many accounts in each at full rate: whether an account is
 * slower than it is alone, and what sharing costs beside two replicas without Redis that have half of the limits each. Needs
 * `redis-server` on the PATH.
 */
import { cpus } from "node:os"
import { startRedis } from "../support/redis-server.ts"
import { connectAccount } from "../support/service.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { cpuSeconds } from "./support/process-stats.ts"
import { burstOf, startReplicas } from "./support/replicas.ts"
import { startSandboxProcess } from "./support/sandbox-process.ts"
import { measuredHead, median, number, printTable, sizeOf } from "./support/table.ts"

const seconds = sizeOf("BENCH_SECONDS", 30)
const accountCount = sizeOf("BENCH_ACCOUNTS", 50)
const userIds = Array.from({ length: accountCount }, (_, index) => index + 1)
const pages = { MAILCHIMP_PAGE_SIZE: "20" }
/** As long as the first exports of all accounts compile code, and until they are no longer in step. */
const warmUpMs = 10_000

await using sandbox = await startSandboxProcess([], {
  decision: "approve",
  latencyMs: 300,
  gzip: false,
  accounts: userIds.map((userId) => ({ userId, lists: [{ name: `List ${userId}`, count: 2000 }] })),
})
const folder = temporaryFolder()
const redis = await startRedis()
const shared = { ...pages, REDIS_URL: redis.url }
const halved = { ...pages, MAILCHIMP_MAX_CONNECTIONS: "5", MAILCHIMP_REQUESTS_PER_SECOND: "5" }
const headers = await connectAll()

const alone = await measure(shared, headers.slice(0, 1))
const all = await measure(shared, headers)
const halves = await measure(halved, headers)
await redis.kill9()
folder.remove()

const aloneRate = alone.rates[0] ?? 0
const slowest = Math.min(...all.rates)
const ofCore = ({ share, rates }: typeof all) =>
  `${number(share * 100)} % of a core at ${number(sum(rates))} requests a second`
printTable(
  `Two replicas, ${accountCount} accounts in each, 300 ms a page, ${seconds} s`,
  [...measuredHead],
  [
    ["requests a second of one account alone", number(aloneRate, 2)],
    ["of each account, median", number(median(all.rates), 2)],
    [
      "of the slowest account, over one alone",
      `${number(slowest / aloneRate, 2)} × (${number(slowest, 2)})`,
      "at least 0.95 ×",
    ],
    ["responses other than 200", number(all.failed), "0"],
    ["most requests of an account in t seconds, less 10 t", number(all.burst, 1), "10"],
    ["CPU of each replica", ofCore(all)],
    ["CPU of each without Redis, with half of the limits", ofCore(halves)],
    [
      "sharing costs, for equal requests",
      `${number((all.share - (halves.share * sum(all.rates)) / sum(halves.rates)) * 100)} % of a core`,
      "25 %",
    ],
    ["processors idle meanwhile", `${number(all.idle * 100)} % and ${number(halves.idle * 100)} %`],
  ],
)

async function connectAll() {
  const [replica] = await startReplicas(1, folder.path, sandbox, pages)
  if (replica === undefined) throw new Error("No replica was started")
  const connected: Awaited<ReturnType<typeof connectAccount>>[] = []
  for (const consentingUserId of userIds) {
    await sandbox.set({ consentingUserId })
    connected.push(await connectAccount(replica))
  }
  await replica.kill()
  return connected
}

/** Exports these accounts in each of two replicas, again and again, and tells what Mailchimp saw and what the replicas computed. */
async function measure(env: Readonly<Record<string, string>>, accounts: typeof headers) {
  const replicas = await startReplicas(2, folder.path, sandbox, env)
  const end = new AbortController()
  const exports = replicas.flatMap(({ api }) =>
    accounts.map(async (headers) => {
      const request = { headers: { ...headers, "accept-encoding": "identity" }, signal: end.signal }
      for (;;) await (await fetch(`${api}/export`, request)).bytes()
    }),
  )
  const settled = Promise.allSettled(exports)
  await Bun.sleep(warmUpMs)
  const cpu = () => sum(replicas.map(({ pid }) => cpuSeconds(pid)))
  const [cpuBefore, idleBefore, startedMs] = [cpu(), idleMs(), Date.now()]
  await Bun.sleep(seconds * 1000)
  const [usedS, idle, endedMs] = [cpu() - cpuBefore, idleMs() - idleBefore, Date.now()]
  const requests = (await sandbox.requests()).filter(({ at }) => at >= startedMs && at < endedMs)
  end.abort()
  await settled
  await Promise.all(replicas.map((replica) => replica.kill()))
  const ofAccounts = userIds
    .slice(0, accounts.length)
    .map((userId) => requests.filter((request) => request.userId === userId))
  const elapsedS = (endedMs - startedMs) / 1000
  return {
    rates: ofAccounts.map(({ length }) => length / elapsedS),
    burst: Math.max(...ofAccounts.map((ofAccount) => burstOf(ofAccount))),
    failed: requests.filter(({ status, endedAt }) => endedAt !== undefined && status !== 200).length,
    share: usedS / elapsedS / replicas.length,
    idle: idle / 1000 / elapsedS / cpus().length,
  }
}

function idleMs(): number {
  return sum(cpus().map(({ times }) => times.idle))
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
