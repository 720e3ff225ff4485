/**
 * What replicas cost and reach that share Mailchimp's limits over Redis, beside a process without Redis. Needs `redis-server` on
 * the PATH. The sandbox is in this process, and its requests have little to do.
 */
import { startSandbox } from "../../src/sandbox/serve.ts"
import { connectAccount } from "../support/service.ts"
import { startRedis } from "../support/redis-server.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { countLines } from "./support/consumer.ts"
import { cpuSeconds } from "./support/process-stats.ts"
import { burstOf, type Replica, startReplicas } from "./support/replicas.ts"
import { measuredHead, median, number, printTable, sizeOf, spread } from "./support/table.ts"

const seconds = sizeOf("BENCH_SECONDS", 60)
const exportCount = sizeOf("BENCH_EXPORTS", 30)
const accountCount = sizeOf("BENCH_ACCOUNTS", 50)
const runs = sizeOf("BENCH_RUNS", 3)
const pageRows = 20
/** Read in about ten seconds, and one that no export ends. */
const [shortRows, longRows] = [2000, 40_000]

const mailchimp = startSandbox({
  decision: "approve",
  latencyMs: 300,
  accounts: [
    account(1, longRows),
    account(2, shortRows),
    ...Array.from({ length: accountCount }, (_, index) => account(100 + index, shortRows)),
  ],
})
const { sandbox } = mailchimp
const folder = temporaryFolder()
const redis = await startRedis()
const pages = { MAILCHIMP_PAGE_SIZE: String(pageRows) }
const sharing = { ...pages, REDIS_URL: redis.url }

const [alone] = await start(1, pages)
const busy = await headersOf(alone, 1)
const short = await headersOf(alone, 2)
const everyAccount: Headers[] = []
for (let index = 0; index < accountCount; index += 1) everyAccount.push(await headersOf(alone, 100 + index))

const oneProcess = await exportFor(seconds, [alone], busy, exportCount)
await timeOf([alone])
const lonely = await repeat(() => timeOf([alone]))
const twoInOne = await repeat(() => timeOf([alone, alone]))
await alone.kill()

const three = await start(3, sharing)
const replicas = await exportFor(seconds, three, busy, exportCount)
const inOneOfThree = await repeat(() => timeOf(three.slice(0, 1)))
const inEachOfTwo = await repeat(() => timeOf(three.slice(0, 2)))
await Promise.all(three.map((replica) => replica.kill()))
const shared = await cpuOfTwo(sharing)
const halves = await cpuOfTwo({
  ...pages,
  MAILCHIMP_MAX_CONNECTIONS: "5",
  MAILCHIMP_REQUESTS_PER_SECOND: "5",
})

const over = (times: readonly number[], others: readonly number[]) =>
  spread(
    times.map((ms) => ms / median(others)),
    " ×",
    2,
  )
const shares = replicas.rows
printTable(
  `Three replicas, ${exportCount} exports of one account, 300 ms a page, ${seconds} s`,
  [...measuredHead],
  [
    ["most requests at once", number(replicas.peak), "10"],
    ["most requests in t seconds, less 10 t", number(replicas.burst, 1), "10"],
    ["responses other than 200", number(replicas.failed), "0"],
    [
      "requests, over those of a process without Redis",
      `${number(replicas.requests / oneProcess.requests, 2)} × (${replicas.requests} and ${oneProcess.requests})`,
      "at least 0.93 ×",
    ],
    [
      "rows of the busiest replica over the least busy",
      `${number(Math.max(...shares) / Math.min(...shares), 2)} ×`,
      "1.5 ×",
    ],
    ["one export in one of three, time over that without Redis", over(inOneOfThree, lonely), "1.1 ×"],
    [
      "one export in each of two, time over that of two in a process without Redis",
      over(inEachOfTwo, twoInOne),
      "1.1 ×",
    ],
    [
      `CPU of two replicas that share ${accountCount} busy accounts, each`,
      `${number(shared.share * 100)} % of a core at ${number(shared.perSecond)} requests a second`,
    ],
    [
      "CPU of two without Redis that have half of the limits, each",
      `${number(halves.share * 100)} % of a core at ${number(halves.perSecond)} requests a second`,
    ],
    [
      "sharing costs, for equal requests",
      `${number((shared.share - (halves.share * shared.perSecond) / halves.perSecond) * 100)} % of a core`,
      "25 %",
    ],
  ],
)
await redis.kill9()
await mailchimp.stop()
folder.remove()

type Replicas = readonly [Replica, ...Replica[]]
type Headers = Awaited<ReturnType<typeof connectAccount>>

function account(userId: number, count: number) {
  return { userId, accountName: `Account ${userId}`, lists: [{ name: `List ${userId}`, count }] }
}

async function start(count: number, env: Readonly<Record<string, string>>): Promise<Replicas> {
  const [first, ...others] = await startReplicas(count, folder.path, mailchimp, env)
  if (first === undefined) throw new Error("No replica was started")
  return [first, ...others]
}

async function headersOf(replica: Replica, userId: number): Promise<Headers> {
  sandbox.settings.consentingUserId = userId
  return connectAccount(replica)
}

/** Exports for some time, as many in each replica, and tells what Mailchimp saw. */
async function exportFor(forS: number, replicas: readonly Replica[], headers: Headers, count: number) {
  sandbox.traffic.reset()
  const end = new AbortController()
  const rows = replicas.map(() => 0)
  const exports = Array.from({ length: count }, async (_, index) => {
    const which = index % replicas.length
    const replica = replicas[which]
    if (replica === undefined) return
    for (;;) {
      const response = await fetch(`${replica.api}/export`, { headers, signal: end.signal })
      if (response.body === null) throw new Error("No body")
      for await (const chunk of response.body) rows[which] = (rows[which] ?? 0) + countLines(chunk)
    }
  })
  const settled = Promise.allSettled(exports)
  await Bun.sleep(forS * 1000)
  const requests = sandbox.traffic.log.filter(({ userId }) => userId !== undefined)
  const seen = {
    rows,
    requests: requests.length,
    failed: requests.filter(({ status, endedAt }) => endedAt !== undefined && status !== 200).length,
    burst: burstOf(requests),
    peak: sandbox.traffic.connections(1).peak,
  }
  end.abort()
  await settled
  await Bun.sleep(3000)
  return seen
}

/** How long an export in each of these replicas takes, all of one account. */
async function timeOf(replicas: readonly Replica[]): Promise<number> {
  const startedMs = performance.now()
  await Promise.all(
    replicas.map(async ({ api }) => (await fetch(`${api}/export`, { headers: short })).bytes()),
  )
  const ms = performance.now() - startedMs
  // Mailchimp's burst is there again for the next one.
  await Bun.sleep(2000)
  return ms
}

async function cpuOfTwo(env: Readonly<Record<string, string>>) {
  const two = await start(2, env)
  const end = new AbortController()
  const exports = two.flatMap(({ api }) =>
    everyAccount.map(async (headers) => {
      for (;;) await (await fetch(`${api}/export`, { headers, signal: end.signal })).bytes()
    }),
  )
  const settled = Promise.allSettled(exports)
  await Bun.sleep(8000)
  const cpu = () => two.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0)
  const [cpuBefore, requestsBefore] = [cpu(), sandbox.traffic.total]
  const measuredS = Math.min(seconds, 20)
  await Bun.sleep(measuredS * 1000)
  const used = {
    share: (cpu() - cpuBefore) / measuredS / 2,
    perSecond: (sandbox.traffic.total - requestsBefore) / measuredS,
  }
  end.abort()
  await settled
  await Promise.all(two.map((replica) => replica.kill()))
  return used
}

async function repeat<T>(run: () => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (let index = 0; index < runs; index += 1) results.push(await run())
  return results
}
