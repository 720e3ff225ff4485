/**
 * The service with some fields only, with event lines and as one JSON document, each beside a plain fetch loop that requests
 * the same fields. The pages come from a proxy that keeps them, and the sandbox keeps the rows of the last selection, because
 * it takes longer to select fields than the service takes to pass them on.
 */
import { consume } from "./support/consumer.ts"
import { installPeers, runPeer } from "./support/peer-loops.ts"
import { cpuSeconds } from "./support/process-stats.ts"
import { startPageCache, startSandboxProcess } from "./support/sandbox-process.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { number, printTable, sizeOf, spread } from "./support/table.ts"

const members = sizeOf("BENCH_MEMBERS", 200_000)
const runs = sizeOf("BENCH_RUNS", 5)
const noLinks = "members._links,_links"
const whole = { name: "whole rows", query: "", loop: { excludeFields: noLinks } }
const selections = [
  whole,
  {
    name: "fields=email_address,status",
    query: "fields=email_address,status",
    loop: { fields: "members.email_address,members.status,total_items" },
  },
  {
    name: "the same, the loop with id and last_changed, which exactness needs",
    query: "fields=email_address,status",
    loop: { fields: "members.id,members.email_address,members.status,members.last_changed,total_items" },
  },
  ...["id", "last_changed", "merge_fields"].map((name) => ({
    name: `exclude_fields=${name}`,
    query: `exclude_fields=${name}`,
    loop: { excludeFields: `${noLinks},members.${name}` },
  })),
  { name: "events=true", query: "events=true", loop: whole.loop },
  { name: "format=json", query: "format=json", loop: whole.loop },
]

installPeers()
await using sandbox = await startSandboxProcess([members])
await using cache = await startPageCache(sandbox)
await using service = await startServiceUnderLoad(sandbox, { MAILCHIMP_API_URL: `${cache.url}/{dc}/3.0` })
const list = { apiUrl: `${cache.url}/${sandbox.dc}/3.0`, listId: sandbox.lists[0]?.id ?? "" }

const results = []
for (const { name, query, loop } of selections) {
  const ours: Measured[] = []
  const theirs: Measured[] = []
  // In turns, because others may use the machine, too; the first pair fills the cache.
  for (let index = 0; index <= runs; index += 1) {
    const peer = await runPeer(process.execPath, "fetch-loop.js", { ...list, ...loop })
    const run = await runService(query, peer.rows)
    if (index > 0) theirs.push(perRow(peer))
    if (index > 0) ours.push(run)
  }
  results.push({ name, ours, theirs })
}

const rates = (all: readonly Measured[]) => all.map(({ rowsPerSecond }) => rowsPerSecond)
const cpu = (all: readonly Measured[]) => all.map(({ cpuPerMillion }) => cpuPerMillion)
printTable(
  `Selections, ${runs} pairs of runs: the median (and the spread)`,
  ["", "CPU seconds a million members", "plain fetch loop on Bun", "ours over the loop's", "rows a second"],
  results.map(({ name, ours, theirs }) => [
    name,
    spread(cpu(ours), " s", 2),
    spread(cpu(theirs), " s", 2),
    spread(
      cpu(ours).map((seconds, index) => seconds / (cpu(theirs)[index] ?? Number.NaN)),
      " ×",
      2,
    ),
    spread(rates(ours), "", 0),
  ]),
)

type Measured = { readonly cpuPerMillion: number; readonly rowsPerSecond: number }

async function runService(query: string, rows: number): Promise<Measured> {
  const before = cpuSeconds(service.pid)
  const received = await consume(`${service.api}/export/${list.listId}?${query}`, service.headers)
  const lines = query === "format=json" ? 1 : rows
  // A line of an event comes now and then.
  if (received.rows < lines || received.rows > lines * 1.1)
    throw new Error(`${number(received.rows)} lines instead of ${number(lines)}: ${query}`)
  return perRow({ rows, durationMs: received.durationMs, cpuSeconds: cpuSeconds(service.pid) - before })
}

function perRow(run: { rows: number; cpuSeconds: number; durationMs: number }): Measured {
  return {
    cpuPerMillion: (run.cpuSeconds / run.rows) * 1e6,
    rowsPerSecond: run.rows / (run.durationMs / 1000),
  }
}
