/**
 * How much memory an export takes whose members have 22 KB, eighty merge fields of 255 characters: one list of them, and
 * twenty side by side, each as the first thing that a process does, when it knows nothing of the rows yet.
 */
import { consume } from "./support/consumer.ts"
import { MB, peakBytes, residentBytes } from "./support/process-stats.ts"
import { startSandboxProcess } from "./support/sandbox-process.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { measuredHead, number, printTable, sizeOf, spread } from "./support/table.ts"

const lists = sizeOf("BENCH_LISTS", 20)
const members = sizeOf("BENCH_MEMBERS", 1000)
const runs = sizeOf("BENCH_RUNS", 3)
const mostMegabytes = "130 MB"

const wideLists = Array.from({ length: lists }, (_, index) => ({
  name: `List ${index}`,
  count: Math.ceil(members / 0.9),
  wideFields: 80,
}))
await using sandbox = await startSandboxProcess([], {
  accounts: [{ tokens: ["token"], lists: wideLists }],
})
const first = sandbox.lists[0]?.id ?? ""

printTable(`Memory: members of 22 KB, ${runs} runs: the median (and the spread)`, measuredHead, [
  ["one list, over idle", spread(await repeat(() => measure(`/${first}`)), " MB", 0), mostMegabytes],
  [
    `${lists} lists of ${number(members)} side by side, over idle`,
    spread(await repeat(() => measure("")), " MB", 0),
    mostMegabytes,
  ],
])

async function measure(path: string): Promise<number> {
  await using service = await startServiceUnderLoad(sandbox, { MAILCHIMP_REQUESTS_PER_SECOND: "1000" })
  const idle = residentBytes(service.pid)
  await consume(`${service.api}/export${path}`, service.headers)
  return (peakBytes(service.pid) - idle) / MB
}

async function repeat<T>(run: () => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (let index = 0; index < runs; index += 1) results.push(await run())
  return results
}
