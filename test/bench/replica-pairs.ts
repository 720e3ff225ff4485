/**
 * How long an export takes that shares Mailchimp's limits over Redis, beside a process without Redis, in alternating pairs: alone in
 * one of three replicas, and one in each of two beside two in one process. Needs `redis-server` on the PATH.
 */
import { startSandbox } from "../../src/sandbox/serve.ts"
import { startRedis } from "../support/redis-server.ts"
import { connectAccount } from "../support/service.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { type Replica, startReplicas } from "./support/replicas.ts"
import { measuredHead, median, number, printTable, sizeOf, spread } from "./support/table.ts"

const runs = sizeOf("BENCH_RUNS", 15)
const runsOfTwo = sizeOf("BENCH_RUNS_OF_TWO", 3)
/** In pages of 20, about ten seconds. */
const members = sizeOf("BENCH_MEMBERS", 2000)

const mailchimp = startSandbox({
  decision: "approve",
  latencyMs: 300,
  accounts: [{ lists: [{ name: "One", count: members }] }],
})
const folder = temporaryFolder()
const redis = await startRedis()
const pages = { MAILCHIMP_PAGE_SIZE: "20" }
const [alone] = await startReplicas(1, folder.path, mailchimp, pages)
const three = await startReplicas(3, folder.path, mailchimp, { ...pages, REDIS_URL: redis.url })
if (alone === undefined) throw new Error("No replica was started")
const headers = await connectAccount(alone)

const lone = await pairsOf(runs, three.slice(0, 1), [alone])
const two = await pairsOf(runsOfTwo, three.slice(0, 2), [alone, alone])
printTable(`Exports of ${number(members)} members over Redis, in pairs`, measuredHead, [
  ["alone in a process without Redis", `${number(median(lone.othersMs) / 1000, 2)} s`],
  [`alone in one of three, over that, ${runs} pairs`, spread(lone.ratios, " ×", 3), "1.1 ×"],
  [
    `one in each of two, over two in a process without Redis, ${runsOfTwo} pairs`,
    spread(two.ratios, " ×", 3),
    "1.1 ×",
  ],
])
await Promise.all([alone, ...three].map((replica) => replica.kill()))
await redis.kill9()
await mailchimp.stop()
folder.remove()

/** Times exports in some replicas and in others in turns. */
async function pairsOf(count: number, replicas: readonly Replica[], others: readonly Replica[]) {
  const othersMs: number[] = []
  const ratios: number[] = []
  // The first exports compile what they run.
  await Promise.all([timeOf(replicas), timeOf(others)])
  for (let pair = 0; pair < count; pair += 1) {
    const ms = await timeOf(replicas)
    const otherMs = await timeOf(others)
    othersMs.push(otherMs)
    ratios.push(ms / otherMs)
  }
  return { othersMs, ratios }
}

/** How long an export in each of these replicas takes, all of one account. */
async function timeOf(replicas: readonly Replica[]): Promise<number> {
  const startedMs = performance.now()
  await Promise.all(replicas.map(async ({ api }) => (await fetch(`${api}/export`, { headers })).bytes()))
  const ms = performance.now() - startedMs
  // Mailchimp's burst is there again for the next one.
  await Bun.sleep(2000)
  return ms
}
