/**
 * The CPU time, the rate and the memory of this checkout beside those of another one, such as a worktree of an older commit, in pairs of exports that
 * alternate: `bun test/bench/compare.ts OTHER [QUERY …]`. Without a query: whole rows, and two selections of fields.
 *
 * The other checkout has its dependencies installed. Both services read from one sandbox, through the proxy that keeps its
 * pages, so that a selection costs the sandbox nothing. The machine may have other work: ratios of pairs hardly change by it.
 */
import { join, resolve } from "node:path"
import { consume } from "./support/consumer.ts"
import { cpuSeconds, MB, peakBytes, startPeakAnew } from "./support/process-stats.ts"
import { startPageCache, startSandboxProcess } from "./support/sandbox-process.ts"
import type { startServiceUnderLoad } from "./support/service-under-load.ts"
import { number, printTable, sizeOf, spread } from "./support/table.ts"

const members = sizeOf("BENCH_MEMBERS", 200_000)
const pairs = sizeOf("BENCH_RUNS", 15)
/** The system counts CPU time in steps of 10 ms, so a run is several exports. */
const exportsOfRun = sizeOf("BENCH_EXPORTS", 3)
const [other, ...given] = process.argv.slice(2)
if (other === undefined) throw new Error("Missing argument: the folder of another checkout")
const queries = given.length > 0 ? given : ["", "fields=email_address,status", "exclude_fields=merge_fields"]

await using sandbox = await startSandboxProcess([members])
await using cache = await startPageCache(sandbox)
const listId = sandbox.lists[0]?.id ?? ""
await using ours = await startService(join(import.meta.dir, "../.."))
await using theirs = await startService(resolve(other))

const results = []
for (const query of queries) {
  const measured: { readonly ours: Measured; readonly theirs: Measured }[] = []
  // The first pair fills the cache.
  for (let pair = 0; pair <= pairs; pair += 1) {
    // In turns also within a pair, so that neither has always the other's leavings.
    const oursFirst = pair % 2 === 0 ? await measure(ours, query) : undefined
    const other = await measure(theirs, query)
    const result = { ours: oursFirst ?? (await measure(ours, query)), theirs: other }
    if (pair > 0) measured.push(result)
  }
  results.push({ query: query === "" ? "whole rows" : query, measured })
}

printTable(
  `CPU seconds a million members, ${number(members)} members, ${pairs} pairs: the median (and the spread)`,
  ["", "this checkout", "the other", "ratio", "rows a second", "ratio", "memory at most", "ratio"],
  results.map(({ query, measured }) => [
    query,
    spread(
      measured.map(({ ours }) => ours.cpuPerMillion),
      " s",
      2,
    ),
    spread(
      measured.map(({ theirs }) => theirs.cpuPerMillion),
      " s",
      2,
    ),
    spread(
      measured.map(({ ours, theirs }) => ours.cpuPerMillion / theirs.cpuPerMillion),
      " ×",
      3,
    ),
    spread(
      measured.map(({ ours }) => ours.rowsPerSecond),
      "",
      0,
    ),
    spread(
      measured.map(({ ours, theirs }) => ours.rowsPerSecond / theirs.rowsPerSecond),
      " ×",
      3,
    ),
    spread(
      measured.map(({ ours }) => ours.peakBytes / MB),
      " MB",
      0,
    ),
    spread(
      measured.map(({ ours, theirs }) => ours.peakBytes / theirs.peakBytes),
      " ×",
      3,
    ),
  ]),
)

type Measured = {
  readonly cpuPerMillion: number
  readonly rowsPerSecond: number
  readonly peakBytes: number
}
type Service = {
  readonly pid: number
  readonly api: string
  readonly headers: Readonly<Record<string, string>>
}

/** Started by the checkout's own code, which knows its environment. */
async function startService(checkout: string) {
  const path = join(checkout, "test/bench/support/service-under-load.ts")
  const support: { readonly startServiceUnderLoad: typeof startServiceUnderLoad } = await import(path)
  return support.startServiceUnderLoad(sandbox, { MAILCHIMP_API_URL: `${cache.url}/{dc}/3.0` })
}

async function measure({ pid, api, headers }: Service, query: string): Promise<Measured> {
  startPeakAnew(pid)
  const before = cpuSeconds(pid)
  let rows = 0
  let durationMs = 0
  for (let index = 0; index < exportsOfRun; index += 1) {
    const received = await consume(`${api}/export/${listId}?${query}`, headers)
    rows += received.rows
    durationMs += received.durationMs
  }
  return {
    cpuPerMillion: ((cpuSeconds(pid) - before) / rows) * 1e6,
    rowsPerSecond: rows / (durationMs / 1000),
    peakBytes: peakBytes(pid),
  }
}
