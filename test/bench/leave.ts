/** How fast Mailchimp is left when a consumer disconnects in the middle of a page, and what stays behind. */
import { consume } from "./support/consumer.ts"
import { openFiles } from "./support/process-stats.ts"
import { startSandboxProcess } from "./support/sandbox-process.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { measuredHead, median, number, printTable, sizeOf } from "./support/table.ts"

const rounds = sizeOf("BENCH_ROUNDS", 100)
const permits = 10

await using sandbox = await startSandboxProcess([5000])
await using service = await startServiceUnderLoad(sandbox)
const url = `${service.api}/export/${sandbox.lists[0]?.id}`

await exportAtOnce()
const before = openFiles(service.pid)
const delaysMs: number[] = []
for (let round = 0; round < rounds; round += 1) delaysMs.push(await leaveInMiddle())
const { now: connectionsLeft } = await sandbox.connections()
await sandbox.set({ latencyMs: 100 })
const rows = await exportAtOnce()
const { peak } = await sandbox.connections()
await Bun.sleep(1000)
const after = openFiles(service.pid)

printTable(`A consumer who leaves in the middle of a page, ${number(rounds)} times in a row`, measuredHead, [
  ["upstream aborted after, median", `${number(median(delaysMs))} ms`],
  ["upstream aborted after, longest", `${number(Math.max(...delaysMs))} ms`, "50 ms"],
  ["upstream connections held then", number(connectionsLeft), "0"],
  [
    `permits that ${permits} exports find then`,
    `${peak} of ${permits}, ${new Set(rows).size === 1 ? "all whole" : "NOT WHOLE"}`,
  ],
  ["open files before, after", `${before.files}, ${after.files}`, `${before.files}`],
  ["of them sockets", `${before.sockets}, ${after.sockets}`, `${before.sockets}`],
])

async function exportAtOnce(): Promise<number[]> {
  const received = await Promise.all(Array.from({ length: permits }, () => consume(url, service.headers)))
  return received.map(({ rows }) => rows)
}

/** The second page stops in the middle of its body, and the consumer leaves while it does. */
async function leaveInMiddle(): Promise<number> {
  await sandbox.addFault({
    match: { path: "/members" },
    action: { kind: "slow", chunks: 4, everyMs: 60_000 },
    skip: 1,
  })
  const slow = async () => (await sandbox.requests()).findLast(({ fault }) => fault === "slow")
  const earlier = (await slow())?.at
  const leaving = new AbortController()
  const response = await fetch(url, { headers: service.headers, signal: leaving.signal })
  await response.body?.getReader().read()
  while ((await slow())?.at === earlier) await Bun.sleep(1)
  // Its first bytes are on their way.
  await Bun.sleep(5)
  const leftMs = Date.now()
  leaving.abort()
  let abortedMs = (await slow())?.abortedAt
  for (; abortedMs === undefined; abortedMs = (await slow())?.abortedAt) await Bun.sleep(1)
  await sandbox.clearFaults()
  return abortedMs - leftMs
}
