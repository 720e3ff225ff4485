/**
 * The service beside what its users would have otherwise, against the same sandbox in one run. The loops run on Node, for
 * which the SDK is made, and on Bun, as the service does.
 */
import { consume } from "./support/consumer.ts"
import { installPeers, loops, type Run, runPeer, runtimes } from "./support/peer-loops.ts"
import { cpuSeconds, MB, peakBytes } from "./support/process-stats.ts"
import { startSandboxProcess } from "./support/sandbox-process.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { median, number, printTable, sizeOf, spread } from "./support/table.ts"

const members = sizeOf("BENCH_MEMBERS", 100_000)
const runs = sizeOf("BENCH_RUNS", 3)
const noLinks = "members._links,_links"
installPeers()
await using sandbox = await startSandboxProcess([members])
await using service = await startServiceUnderLoad(sandbox)
const listId = sandbox.lists[0]?.id ?? ""
const list = { apiUrl: `${sandbox.url}/${sandbox.dc}/3.0`, listId }
// The service has run before it is measured, as it will have in reality; the loops are measured without their start.
await consume(`${service.api}/export/${listId}`, service.headers)

const contestants: readonly { readonly name: string; readonly run: () => Promise<Run> }[] = [
  { name: "this service", run: runService },
  ...loops.flatMap(({ name, script }) =>
    runtimes.flatMap(({ name: runtime, path }) => [
      { name: `${name} on ${runtime}, as written`, run: () => runPeer(path, script, list) },
      {
        name: `${name} on ${runtime}, without _links`,
        run: () => runPeer(path, script, { ...list, excludeFields: noLinks }),
      },
    ]),
  ),
]
const results = contestants.map(({ name }) => ({ name, all: Array.of<Run>() }))
for (let index = 0; index < runs; index += 1)
  for (const [place, { run }] of contestants.entries()) results[place]?.all.push(await run())

const cpuOf = (all: readonly Run[]) => all.map(({ cpuSeconds, rows }) => (cpuSeconds / rows) * 1e6)
const [ours = []] = results.map(({ all }) => cpuOf(all))
printTable(
  `${number(results[0]?.all[0]?.rows ?? 0)} members, side by side, ${runs} runs: the median (and the spread)`,
  ["", "CPU seconds a million members", "times ours", "rows a second", "peak memory"],
  results.map(({ name, all }) => {
    const cpu = cpuOf(all)
    // Run against run, as both had the same machine then.
    const ratios = cpu.map((seconds, index) => seconds / (ours[index] ?? median(ours)))
    return [
      name,
      spread(cpu, " s"),
      spread(ratios, " ×"),
      spread(
        all.map(({ rows, durationMs }) => rows / (durationMs / 1000)),
        "",
        0,
      ),
      `${number(Math.max(...all.map(({ peakBytes }) => peakBytes)) / MB)} MB`,
    ]
  }),
)
const rowCounts = new Set(results.flatMap(({ all }) => all.map(({ rows }) => rows)))
if (rowCounts.size !== 1) throw new Error(`Not all got the same rows: ${[...rowCounts].join(", ")}`)

async function runService(): Promise<Run> {
  const before = cpuSeconds(service.pid)
  const { rows, durationMs } = await consume(`${service.api}/export/${listId}`, service.headers)
  return { rows, durationMs, cpuSeconds: cpuSeconds(service.pid) - before, peakBytes: peakBytes(service.pid) }
}
