/**
 * Following: how long a change takes to its row when a webhook tells of it, how many requests a hundred followers of an account
 * need, what a burst of changes takes, and what a thousand followers cost while nothing happens, beyond what as many exports
 * before them left behind. The sandbox is in this process, so that it can be changed.
 */
import { connect, type Socket } from "node:net"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { type Follower, startFollower } from "../support/follower.ts"
import { until } from "../support/until.ts"
import { cpuSeconds, residentBytes } from "./support/process-stats.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { measuredHead, median, number, printTable, sizeOf, spread } from "./support/table.ts"

const many = sizeOf("BENCH_FOLLOWERS", 100)
const idle = sizeOf("BENCH_IDLE", 1000)
const seconds = sizeOf("BENCH_SECONDS", 60)
const changes = sizeOf("BENCH_CHANGES", 30)
const burst = sizeOf("BENCH_BURST", 3000)
const path = "/export?events=true&follow=true"

const mailchimp = startSandbox({
  decision: "approve",
  latencyMs: 100,
  accounts: [{ lists: [{ name: "One", count: 100 }] }],
})
const { sandbox } = mailchimp
const listId = sandbox.state.accounts[0]?.lists[0]?.id ?? ""
// Not at Mailchimp's rate, so that a thousand first exports take seconds.
const service = await startServiceUnderLoad(mailchimp, { BUN_CONFIG_MAX_HTTP_REQUESTS: "65535" })
const put = await fetch(`${service.api}/lists/${listId}/webhook`, { method: "PUT", headers: service.headers })
if (!put.ok) throw new Error(await put.text())

const one = await startFollowers(1)
const latenciesMs: number[] = []
for (let change = 0; change < changes; change += 1) {
  latenciesMs.push(await changeAndWait(one))
  // No multiple of the second after which the service looks for deliveries.
  await Bun.sleep(337 + (change % 10) * 100)
}
const requestsOfOne = await requestsDuringChanges()
await leaveAll(one)
const followers = await startFollowers(many)
const requestsOfMany = await requestsDuringChanges()
await leaveAll(followers)

sandbox.settings.latencyMs = 0
for (let done = 0; done < idle; done += 50) await Promise.all(Array.from({ length: 50 }, exportOnce))
await Bun.sleep(5000)
const bytesBefore = residentBytes(service.pid)
const sockets = await openIdle(idle)
await Bun.sleep(5000)
const bytesEach = (residentBytes(service.pid) - bytesBefore) / idle
const [cpuBefore, requestsBefore] = [cpuSeconds(service.pid), sandbox.traffic.total]
await Bun.sleep(seconds * 1000)
const cpuShare = (cpuSeconds(service.pid) - cpuBefore) / seconds
const idleRequests = sandbox.traffic.total - requestsBefore
for (const socket of sockets) socket.destroy()
// Last, because the list is many times as long afterwards.
const last = await startFollowers(1)
const burstTook = await changeAtOnce(last)
await leaveAll(last)

printTable("Following", measuredHead, [
  ["from a change to its row, median", spread(latenciesMs, " ms", 0), "1,500 ms"],
  [
    `requests of ${many} followers over those of one, a change a second for ${seconds} s`,
    `${number(requestsOfMany / requestsOfOne, 2)} (${requestsOfMany} and ${requestsOfOne})`,
    "1.5",
  ],
  [`${number(burst)} changes at once, to the last row`, burstTook, ""],
  [`memory of each of ${idle} idle followers`, `${number(bytesEach / 1024, 1)} KB`, "30 KB"],
  ["CPU of all of them, of a core", `${number(cpuShare * 100, 1)} %`, "5 %"],
  [`requests meanwhile, in ${seconds} s`, number(idleRequests), "2 a minute"],
])
if (median(latenciesMs) > 1500) process.exitCode = 1
await service[Symbol.asyncDispose]()
await mailchimp.stop()

async function startFollowers(count: number): Promise<Follower[]> {
  const all = Array.from({ length: count }, () => startFollower(service.api + path, service.headers))
  await Promise.all(all.map((follower) => follower.caughtUp()))
  return all
}

async function leaveAll(all: readonly Follower[]): Promise<void> {
  await Promise.all(all.map((follower) => follower.leave()))
}

async function changeAndWait([follower]: readonly Follower[]): Promise<number> {
  const startedMs = performance.now()
  const key = `${listId} ${sandbox.changes.addMember(listId).id}`
  await until("the row", () => follower?.members.has(key) ?? true)
  return performance.now() - startedMs
}

async function requestsDuringChanges(): Promise<number> {
  const before = sandbox.traffic.total
  for (let second = 0; second < seconds; second += 1) {
    sandbox.changes.addMember(listId)
    await Bun.sleep(1000)
  }
  return sandbox.traffic.total - before
}

async function changeAtOnce([follower]: readonly Follower[]): Promise<string> {
  const startedMs = performance.now()
  const before = sandbox.traffic.total
  const keys = Array.from({ length: burst }, () => `${listId} ${sandbox.changes.addMember(listId).id}`)
  const hasAll = () => keys.every((key) => follower?.members.has(key))
  await until("every row of the burst", hasAll, { withinS: 60, everyMs: 10 })
  const requests = sandbox.traffic.total - before
  return `${number(performance.now() - startedMs)} ms, ${requests} requests`
}

async function exportOnce(): Promise<void> {
  const response = await fetch(`${service.api}/export?events=true`, { headers: service.headers })
  await response.bytes()
}

/** Followers that cost this process little: sockets whose bytes are dropped. */
async function openIdle(count: number) {
  const { hostname, port, pathname } = new URL(service.api)
  const head = Object.entries({ host: hostname, ...service.headers })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("")
  let caughtUp = 0
  const sockets: Socket[] = []
  while (sockets.length < count) {
    const socket = connect({ host: hostname, port: Number(port) })
    let isCaughtUp = false
    socket.on("data", (bytes) => {
      if (isCaughtUp || !bytes.includes("caught_up")) return
      isCaughtUp = true
      caughtUp += 1
    })
    socket.write(`GET ${pathname}${path} HTTP/1.1\r\n${head}\r\n`)
    sockets.push(socket)
    // Some at a time, because the first export of each waits for a connection to Mailchimp.
    if (sockets.length % 50 === 0 || sockets.length === count)
      await until("the line caught_up", () => caughtUp === sockets.length, { withinS: 60, everyMs: 10 })
  }
  return sockets
}
