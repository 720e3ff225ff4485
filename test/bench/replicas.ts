/**
 * What three replicas reach that share Mailchimp's limits over Redis, beside a process without Redis, all for one account. Needs
 * `redis-server` on the PATH. The sandbox is in this process, and its requests have little to do.
 */
import { startSandbox } from "../../src/sandbox/serve.ts"
import { connectAccount } from "../support/service.ts"
import { startRedis } from "../support/redis-server.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { countLines } from "./support/consumer.ts"
import { burstOf, type Replica, startReplicas } from "./support/replicas.ts"
import { measuredHead, number, printTable, sizeOf } from "./support/table.ts"

const seconds = sizeOf("BENCH_SECONDS", 60)
const exportCount = sizeOf("BENCH_EXPORTS", 30)
const pages = { MAILCHIMP_PAGE_SIZE: "20" }

const mailchimp = startSandbox({
  decision: "approve",
  latencyMs: 300,
  // More than any export reads.
  accounts: [{ lists: [{ name: "One", count: 40_000 }] }],
})
const { sandbox } = mailchimp
const folder = temporaryFolder()
const redis = await startRedis()

const [alone] = await startReplicas(1, folder.path, mailchimp, pages)
if (alone === undefined) throw new Error("No replica was started")
const headers = await connectAccount(alone)
const oneProcess = await exportFor(seconds, [alone])
await alone.kill()
const three = await startReplicas(3, folder.path, mailchimp, { ...pages, REDIS_URL: redis.url })
const replicas = await exportFor(seconds, three)
await Promise.all(three.map((replica) => replica.kill()))

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
  ],
)
await redis.kill9()
await mailchimp.stop()
folder.remove()

/** Exports for some time, as many in each replica, and tells what Mailchimp saw. */
async function exportFor(forS: number, replicas: readonly Replica[]) {
  sandbox.traffic.reset()
  const end = new AbortController()
  const rows = replicas.map(() => 0)
  const exports = Array.from({ length: exportCount }, async (_, index) => {
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
    peak: sandbox.traffic.connections(sandbox.state.accounts[0]?.userId ?? 0).peak,
  }
  end.abort()
  await settled
  return seen
}
