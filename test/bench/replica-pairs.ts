/**
 * How long an export takes that shares Mailchimp's limits over Redis, beside a process without Redis: alone in one of three
 * replicas, and one in each of two beside two in one process. Both of a pair run at the same time, each with an account of its own,
 * so that both meet the same load. Needs `redis-server` on the PATH.
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
  accounts: [1, 2].map((userId) => ({ userId, lists: [{ name: "One", count: members }] })),
})
const folder = temporaryFolder()
const redis = await startRedis()
const pages = { MAILCHIMP_PAGE_SIZE: "20" }
const [alone] = await startReplicas(1, folder.path, mailchimp, pages)
const three = await startReplicas(3, folder.path, mailchimp, { ...pages, REDIS_URL: redis.url })
if (alone === undefined) throw new Error("No replica was started")
const [headers, otherHeaders] = [await connectOne(1), await connectOne(2)]

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

async function connectOne(userId: number) {
  mailchimp.sandbox.settings.consentingUserId = userId
  return connectAccount({ api: alone?.api ?? "" })
}

/** Times exports in some replicas, and in others at the same time. */
async function pairsOf(count: number, replicas: readonly Replica[], others: readonly Replica[]) {
  const othersMs: number[] = []
  const ratios: number[] = []
  for (let pair = 0; pair <= count; pair += 1) {
    const [ms, otherMs] = await Promise.all([timeOf(replicas, headers), timeOf(others, otherHeaders)])
    // Mailchimp's burst is there again for the next pair.
    await Bun.sleep(2000)
    // In the first pair the processes still compile what they run.
    if (pair === 0) continue
    othersMs.push(otherMs)
    ratios.push(ms / otherMs)
  }
  return { othersMs, ratios }
}

/** How long an export in each of these replicas takes, all of one account. */
async function timeOf(replicas: readonly Replica[], headers: Record<string, string>): Promise<number> {
  const startedMs = performance.now()
  await Promise.all(replicas.map(async ({ api }) => (await fetch(`${api}/export`, { headers })).bytes()))
  return performance.now() - startedMs
}
