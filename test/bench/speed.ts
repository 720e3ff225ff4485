/** How fast the service is where Mailchimp is not: computing, rows, the first row, and how long its event loop is blocked. */
import { consume } from "./support/consumer.ts"
import { cpuSeconds } from "./support/process-stats.ts"
import { startSandboxProcess } from "./support/sandbox-process.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { measuredHead, number, printTable, sizeOf, spread } from "./support/table.ts"

const members = sizeOf("BENCH_MEMBERS", 200_000)
const runs = sizeOf("BENCH_RUNS", 5)
const latencyMs = 200

await using sandbox = await startSandboxProcess([members])
await using service = await startServiceUnderLoad(sandbox)
const url = `${service.api}/export/${sandbox.lists[0]?.id}`
const repeat = async <T>(run: () => Promise<T>) => {
  const results: T[] = []
  for (let index = 0; index < runs; index += 1) results.push(await run())
  return results
}

const full = await repeat(async () => {
  const cpuBefore = cpuSeconds(service.pid)
  const { rows, bytes, durationMs } = await consume(url, service.headers)
  const millions = rows / 1e6
  return {
    rows,
    cpuSecondsPerMillion: (cpuSeconds(service.pid) - cpuBefore) / millions,
    rowsPerSecond: rows / (durationMs / 1000),
    megabytesPerSecond: bytes / 1e6 / (durationMs / 1000),
  }
})

await service.probe()
await Promise.all(Array.from({ length: 10 }, () => consume(url, service.headers)))
const { blockP99Ms, blockMaxMs } = await service.probe()

await sandbox.set({ latencyMs })
const firstRowsMs = await repeat(async () => {
  const api = `${sandbox.url}/${sandbox.dc}/3.0/lists/${sandbox.lists[0]?.id}`
  const page = "members?count=1000&sort_field=last_changed&exclude_fields=members._links,_links"
  const direct = await timeOf(async () => {
    for (const upstream of [api, `${api}/${page}`])
      await (await fetch(upstream, { headers: { authorization: "Bearer token" } })).bytes()
  })
  const leaving = new AbortController()
  const through = await timeOf(async () => {
    const response = await fetch(url, { headers: service.headers, signal: leaving.signal })
    await response.body?.getReader().read()
  })
  leaving.abort()
  return through - direct
})

async function timeOf(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return performance.now() - startedMs
}

printTable(
  `Speed: ${number(full[0]?.rows ?? 0)} members, ${runs} runs: the median (and the spread)`,
  measuredHead,
  [
    [
      "CPU seconds a million members",
      spread(
        full.map(({ cpuSecondsPerMillion }) => cpuSecondsPerMillion),
        " s",
        2,
      ),
    ],
    [
      "rows a second",
      spread(
        full.map(({ rowsPerSecond }) => rowsPerSecond),
        "",
        0,
      ),
    ],
    [
      "of NDJSON a second",
      spread(
        full.map(({ megabytesPerSecond }) => megabytesPerSecond),
        " MB",
        0,
      ),
    ],
    [
      `first row, over the list and a page of ${latencyMs} ms asked directly`,
      spread(firstRowsMs, " ms"),
      "15 ms",
    ],
    ["event loop blocked by ten exports, 99th percentile", `${number(blockP99Ms, 1)} ms`, "10 ms"],
    ["event loop blocked by ten exports, longest", `${number(blockMaxMs, 1)} ms`],
  ],
)
