import { afterAll, beforeAll, expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { MB, openFiles, residentBytes } from "../bench/support/process-stats.ts"
import { createCrowd, halfOpenBehaviors, sendBytes } from "../support/hostile-sockets.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { until } from "../support/until.ts"

/** `HOSTILE_SOCKETS=1000 HOSTILE_S=60` is the whole test: the suite runs a shorter one. */
const socketCount = Number(process.env["HOSTILE_SOCKETS"] ?? 200)
const seconds = Number(process.env["HOSTILE_S"] ?? 4)
const timeoutMs = 60_000 + seconds * 4000

const mailchimp = startSandbox({
  decision: "approve",
  accounts: [{ lists: [{ name: "People", count: 2000 }] }],
})
const services = serviceProcesses(mailchimp, { MAILCHIMP_PAGE_SIZE: "100" })
let service: Awaited<ReturnType<typeof services.start>>
let headers: Record<string, string>
beforeAll(async () => {
  service = await services.start()
  headers = await connectAccount(service)
})
afterAll(async () => {
  await services.end()
  await mailchimp.stop()
})

const listId = mailchimp.sandbox.state.accounts[0]?.lists[0]?.id ?? ""
const members = [...mailchimp.sandbox.truth(listId).members()]
const expected = members.filter(({ status }) => status !== "archived").map(({ row }) => row)

async function exportExactly(): Promise<void> {
  const text = await (await fetch(`${service.api}/export`, { headers })).text()
  expect(new Set(text.trimEnd().split("\n")).symmetricDifference(new Set(expected)).size).toBe(0)
}

/** What hostile clients send at once. */
const messages: readonly (() => Uint8Array)[] = [
  () => crypto.getRandomValues(new Uint8Array(65_536)),
  () => new TextEncoder().encode(`GET /readyz HTTP/1.1\r\nHost: x\r\nX-Huge: ${"a".repeat(2 ** 20)}\r\n\r\n`),
  () => new TextEncoder().encode(`GET /readyz HTTP/1.1\r\nHost: x\r\n${"X-Many: a\r\n".repeat(5000)}\r\n`),
]

/** The first line of the response, if the service responds before it closes the connection. */
const refusal = /^(?:HTTP\/1\.1 (?:4\d\d|505) .*)?$/

test(
  `${socketCount} half-open connections, random bytes and huge headers for ${seconds} s: exports are exact, memory and files come back`,
  async () => {
    for (let warm = 0; warm < 5; warm += 1) await exportExactly()
    const idle = { bytes: residentBytes(service.pid), files: openFiles(service.pid).files }
    const peaks = [await attack(idle.files), await attack(idle.files)]
    // What a round leaks, the second adds.
    for (const peak of peaks) expect(peak - idle.bytes).toBeLessThan(64 * MB)
    expect(Math.max(...peaks) - (peaks[0] ?? 0)).toBeLessThan(16 * MB)
  },
  timeoutMs,
)

/** Exports amid hostile connections; resolves to the most memory, when the service has closed what the clients have left. */
async function attack(idleFiles: number): Promise<number> {
  let [peak, mostFiles] = [0, 0]
  const crowd = createCrowd(service.url)
  const { host } = new URL(service.url)
  await crowd.open(socketCount, halfOpenBehaviors(host, headers["authorization"] ?? ""))
  const untilMs = performance.now() + seconds * 1000
  for (let turn = 0; performance.now() < untilMs; turn += 1) {
    for (const message of messages) {
      const [, line] = await Promise.all([exportExactly(), sendBytes(service.url, message())])
      expect(line).toMatch(refusal)
      peak = Math.max(peak, residentBytes(service.pid))
      mostFiles = Math.max(mostFiles, openFiles(service.pid).files)
    }
    await Bun.sleep(1000)
  }
  expect(mostFiles).toBeGreaterThan(socketCount * 0.9)
  // The service closes a request whose headers are not complete after about 12 s.
  if (seconds > 30) expect(crowd.closed()).toBeGreaterThan(socketCount)
  crowd.leave()
  await until("the end of every connection", () => openFiles(service.pid).files <= idleFiles + 2)
  if (process.env["HOSTILE_S"] !== undefined)
    console.info({ closed: crowd.closed(), mostFiles, peakMb: peak / MB })
  return peak
}
