/**
 * Many exports of many accounts at once, for minutes, with faulty responses of Mailchimp: whether each export ends exact, or is
 * resumed until it does, whether Mailchimp's limits are kept, and whether memory stays.
 */
import { monitorEventLoopDelay } from "node:perf_hooks"
import type { RequestEntry } from "../../src/sandbox/traffic.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { readLines } from "../support/event-lines.ts"
import { burstOf } from "./support/replicas.ts"
import { MB, openFiles, residentBytes } from "./support/process-stats.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { median, number, printTable, sizeOf } from "./support/table.ts"

const accountCount = sizeOf("BENCH_ACCOUNTS", 50)
const exportCount = sizeOf("BENCH_EXPORTS", 200)
const members = sizeOf("BENCH_MEMBERS", 3000)
const minutes = sizeOf("BENCH_MINUTES", 5)
/** One response in this many is faulty. */
const faultEvery = sizeOf("BENCH_FAULT_EVERY", 100)

const faults = [
  { kind: "problem", problem: "too_many_requests" },
  { kind: "problem", problem: "internal_server_error" },
  { kind: "problem", problem: "service_unavailable" },
  { kind: "problem", problem: "gateway_timeout" },
  { kind: "html", status: 502 },
  { kind: "html", status: 403, page: "akamai" },
  { kind: "empty", status: 403 },
  { kind: "json", status: 401, body: {} },
  { kind: "reset" },
  { kind: "cut" },
  { kind: "bad_json" },
  { kind: "hang" },
  { kind: "trickle" },
  { kind: "slow", chunks: 5, everyMs: 200 },
] as const

const requests: RequestEntry[] = []
const planted = { faults: 0 }
const mailchimp = startSandbox({
  decision: "approve",
  gzip: false,
  latencyMs: 500,
  accounts: Array.from({ length: accountCount }, (_, index) => ({
    lists: [{ name: `List ${index}`, count: members }],
  })),
  onRequest: (entry) => {
    if (!entry.path.includes("/3.0/")) return
    requests.push(entry)
    const action = faults[planted.faults % faults.length]
    if (requests.length % faultEvery !== 0 || action === undefined) return
    planted.faults += 1
    // The one before it was played, so the list of faults stays short.
    sandbox.faults.clear()
    sandbox.faults.add({ match: { path: "/3.0/" }, action })
  },
})
const { sandbox } = mailchimp
await using service = await startServiceUnderLoad(mailchimp, {
  MAILCHIMP_REQUESTS_PER_SECOND: "10",
  MAILCHIMP_PAGE_SIZE: "100",
  MAILCHIMP_TIMEOUT_MS: "5000",
})
type Account = {
  readonly userId: number
  /** A hash of each row. */
  readonly expected: ReadonlySet<number | bigint>
  readonly headers: Readonly<Record<string, string>>
}
const accounts: Account[] = []
for (const { userId, lists } of sandbox.state.accounts) {
  sandbox.settings.consentingUserId = userId
  const rows = [...sandbox.truth(lists[0]?.id ?? "").members()].filter(({ status }) => status !== "archived")
  const expected = new Set(rows.map(({ row }) => Bun.hash(row)))
  accounts.push({ userId, expected, headers: await service.connect() })
}
const idle = { bytes: residentBytes(service.pid), ...openFiles(service.pid) }
requests.length = 0
// The sandbox and the consumers are in this process, so a block delays what the sandbox has received until several arrive at once.
const delay = monitorEventLoopDelay({ resolution: 5 })
delay.enable()
const startedMs = performance.now()
const isOver = () => performance.now() - startedMs > minutes * 60_000
const memory: { readonly minute: number; readonly bytes: number }[] = []
const sampling = setInterval(() => {
  const minute = Math.floor((performance.now() - startedMs) / 60_000)
  memory.push({ minute, bytes: residentBytes(service.pid) })
}, 1000)
const results = await Promise.all(
  Array.from({ length: exportCount }, (_, index) => exportAgainAndAgain(accounts[index % accounts.length]!)),
)
clearInterval(sampling)
delay.disable()
const tookS = (performance.now() - startedMs) / 1000

/** Exports until the time is over; the last export is read to its end. */
async function exportAgainAndAgain(account: Account) {
  const counts = { exact: 0, inexact: 0, short: 0, broken: 0, refused: 0, rows: 0 }
  do {
    const received = new Set<number | bigint>()
    let cursor: string | undefined
    let status: string | undefined
    while (status === undefined) {
      const query = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`
      const { headers } = account
      const response = await fetch(`${service.api}/export?events=true${query}`, { headers })
      if (!response.ok) {
        counts.refused += 1
        await response.text()
        await Bun.sleep(500)
        continue
      }
      try {
        for await (const line of readLines(response)) {
          if ("row" in line) received.add(Bun.hash(line.row))
          else {
            if ("cursor" in line.event) cursor = line.event.cursor
            if (line.event.$export === "end") status = line.event.status
          }
        }
      } catch {
        // Broken, as every consumer sees.
      }
      if (status === undefined) counts.broken += 1
    }
    counts.rows += received.size
    if (status !== "complete") counts.short += 1
    else if (received.symmetricDifference(account.expected).size === 0) counts.exact += 1
    else counts.inexact += 1
  } while (!isOver())
  return counts
}

const total = (name: keyof (typeof results)[number]) => results.reduce((sum, counts) => sum + counts[name], 0)
const byUser = Map.groupBy(requests, ({ userId }) => userId)
const bursts = accounts.map(({ userId }) => burstOf(byUser.get(userId) ?? []))
const peaks = accounts.map(({ userId }) => sandbox.traffic.connections(userId).peak)
const beyond = requests.filter(({ status, fault }) => status === 429 && fault === undefined).length
const medianMb = (minute: number) =>
  median(memory.filter((sample) => sample.minute === minute).map(({ bytes }) => bytes)) / MB
const lastMinute = Math.floor(minutes) - 1
const growth = medianMb(lastMinute) / medianMb(Math.min(1, lastMinute))
await Bun.sleep(2000)
const after = { bytes: residentBytes(service.pid), ...openFiles(service.pid) }

printTable(
  `${exportCount} exports of ${accountCount} accounts at once, pages of 100, one response in ${faultEvery} faulty, ${number(tookS)} s`,
  ["", "measured", "at most"],
  [
    ["exports that ended exact", number(total("exact"))],
    ["that said complete and were not exact", number(total("inexact")), "0"],
    ["that said short", number(total("short"))],
    ["that broke or were refused, and were resumed", `${total("broken")} and ${total("refused")}`],
    ["members", number(total("rows"))],
    [
      "requests to Mailchimp, faulty ones among them",
      `${number(requests.length)}, ${number(planted.faults)}`,
    ],
    ["the most connections of an account", number(Math.max(...peaks)), "10"],
    ["requests that Mailchimp refused as too many", number(beyond), "0"],
    ["requests of an account in t s, less 10 t", number(Math.max(...bursts), 1), "10"],
    ["longest block of the sandbox's event loop", `${number(delay.max / 1e6)} ms`],
    ["memory: idle", `${number(idle.bytes / MB)} MB`],
    ...Array.from({ length: lastMinute + 1 }, (_, minute) => [
      `minute ${minute + 1}`,
      `${number(medianMb(minute))} MB`,
    ]),
    ["two seconds after the end", `${number(after.bytes / MB)} MB`],
    ["the last minute over the second", `${number(growth, 2)} ×`, "1.10 ×"],
    ["open files: idle and afterwards", `${idle.files} and ${after.files}`],
  ],
)
await mailchimp.stop()
if (total("inexact") + beyond > 0 || growth > 1.1 || Math.max(...peaks) > 10) process.exitCode = 1
