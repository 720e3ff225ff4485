/**
 * Many exports of many accounts at once, for minutes, with faulty responses of Mailchimp: whether each export ends exact, or is
 * resumed until it does, whether Mailchimp's limits are kept, and whether memory stays.
 */
import { monitorEventLoopDelay } from "node:perf_hooks"
import { readLines } from "../support/event-lines.ts"
import { MB, openFiles, residentBytes } from "./support/process-stats.ts"
import { startFaultySandbox } from "./support/start-faulty-sandbox.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { median, number, printTable, sizeOf } from "./support/table.ts"

const accountCount = sizeOf("BENCH_ACCOUNTS", 50)
const exportCount = sizeOf("BENCH_EXPORTS", 200)
const members = sizeOf("BENCH_MEMBERS", 3000)
const minutes = sizeOf("BENCH_MINUTES", 5)
/** One response in this many is faulty. */
const faultEvery = sizeOf("BENCH_FAULT_EVERY", 100)

await using sandbox = await startFaultySandbox({
  decision: "approve",
  gzip: false,
  latencyMs: 500,
  accounts: Array.from({ length: accountCount }, (_, index) => ({
    lists: [{ name: `List ${index}`, count: members }],
  })),
  faultEvery,
})
await using service = await startServiceUnderLoad(sandbox, {
  MAILCHIMP_REQUESTS_PER_SECOND: "10",
  MAILCHIMP_PAGE_SIZE: "100",
  MAILCHIMP_TIMEOUT_MS: "5000",
})
type Account = {
  /** A hash of each row. */
  readonly expected: ReadonlySet<number | bigint>
  readonly headers: Readonly<Record<string, string>>
}
const accounts: Account[] = []
for (const { userId, listId } of sandbox.accounts) {
  await sandbox.letConsent(userId)
  const expected = new Set((await sandbox.rows(listId)).map((row) => Bun.hash(row)))
  accounts.push({ expected, headers: await service.connect() })
}
const idle = { bytes: residentBytes(service.pid), ...openFiles(service.pid) }
sandbox.count()
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
const received = await sandbox.received()

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
      `${number(received.requests)}, ${number(received.faults)}`,
    ],
    ["the most connections of an account", number(received.peak), "10"],
    ["requests that Mailchimp refused as too many", number(received.refused), "0"],
    ["requests of an account in t s, less 10 t", number(received.burst, 1), "10"],
    ["longest block of the sandbox's event loop", `${number(received.longestBlockMs)} ms`],
    ["of the consumers' event loop", `${number(delay.max / 1e6)} ms`],
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
if (total("inexact") + received.refused > 0 || growth > 1.1 || received.peak > 10) process.exitCode = 1
