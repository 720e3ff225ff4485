/**
 * CSV beside the official SDK's loop that writes the same columns with the same library, and compression beside plain NDJSON.
 * The service's pages come from a proxy that keeps them, because it takes the sandbox longer to select fields than the service
 * takes to write them.
 */
import { consume } from "./support/consumer.ts"
import { installPeers, runPeer, runtimes } from "./support/peer-loops.ts"
import { cpuSeconds } from "./support/process-stats.ts"
import { startPageCache, startSandboxProcess } from "./support/sandbox-process.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { number, printTable, sizeOf, spread } from "./support/table.ts"

const members = sizeOf("BENCH_MEMBERS", 200_000)
const runs = sizeOf("BENCH_RUNS", 5)

installPeers()
await using sandbox = await startSandboxProcess([members])
await using cache = await startPageCache(sandbox)
await using service = await startServiceUnderLoad(sandbox, { MAILCHIMP_API_URL: `${cache.url}/{dc}/3.0` })
const list = { apiUrl: `${cache.url}/${sandbox.dc}/3.0`, listId: sandbox.lists[0]?.id ?? "" }

const exported =
  (query: string, coding = "identity") =>
  () =>
    runService(query, coding)
const contestants: readonly { readonly name: string; readonly run: () => Promise<number> }[] = [
  { name: "NDJSON", run: exported("") },
  { name: "NDJSON, zstd", run: exported("", "zstd") },
  { name: "NDJSON, gzip", run: exported("", "gzip") },
  { name: "events=true, zstd", run: exported("events=true", "zstd") },
  { name: "events=true, gzip", run: exported("events=true", "gzip") },
  { name: "CSV", run: exported("format=csv") },
  { name: "CSV, zstd", run: exported("format=csv", "zstd") },
  { name: "CSV, gzip", run: exported("format=csv", "gzip") },
  { name: "CSV of fields=email_address,status", run: exported("format=csv&fields=email_address,status") },
  ...runtimes.flatMap(({ name, path }) => [
    { name: `CSV by the SDK's loop on ${name}, as written`, run: () => runLoop(path, "") },
    {
      name: `CSV by the SDK's loop on ${name}, without _links`,
      run: () => runLoop(path, "members._links,_links"),
    },
  ]),
]

const measured = contestants.map(({ name }) => ({ name, cpu: Array.of<number>() }))
// In turns, because others may use the machine, too; the first round fills the cache.
for (let round = 0; round <= runs; round += 1) {
  for (const [place, { run }] of contestants.entries()) {
    const cpu = await run()
    if (round > 0) measured[place]?.cpu.push(cpu)
  }
}
const of = (name: string) => measured.find((contestant) => contestant.name === name)?.cpu ?? []
const times = (cpu: readonly number[], other: readonly number[]) =>
  spread(
    cpu.map((seconds, index) => seconds / (other[index] ?? Number.NaN)),
    " ×",
    2,
  )
printTable(
  `Formats and compression, ${number(members)} members, ${runs} runs: the median (and the spread)`,
  ["", "CPU seconds a million members", "times NDJSON's", "times CSV's"],
  measured.map(({ name, cpu }) => [
    name,
    spread(cpu, " s", 2),
    times(cpu, of("NDJSON")),
    times(cpu, of("CSV")),
  ]),
)

/** CPU seconds a million members. */
async function runService(query: string, coding: string): Promise<number> {
  const before = cpuSeconds(service.pid)
  const headers = { ...service.headers, "accept-encoding": coding }
  const { rows } = await consume(`${service.api}/export/${list.listId}?${query}`, headers)
  if (rows < members * 0.8) throw new Error(`${number(rows)} lines of about ${number(members)}: ${query}`)
  return ((cpuSeconds(service.pid) - before) / rows) * 1e6
}

async function runLoop(runtime: string | null, excludeFields: string): Promise<number> {
  const { cpuSeconds, rows } = await runPeer(runtime, "csv-loop.js", { ...list, excludeFields })
  return (cpuSeconds / rows) * 1e6
}
