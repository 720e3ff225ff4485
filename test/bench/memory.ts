/**
 * Whether an export of a million members takes more memory than exports of ten thousand: after as many rows in those, so
 * that the process has compiled what it runs and has met every order of events; and where it is a process's first one.
 */
import { consume } from "./support/consumer.ts"
import { MB, peakBytes, residentBytes } from "./support/process-stats.ts"
import { startSandboxProcess } from "./support/sandbox-process.ts"
import { type ServiceUnderLoad, startServiceUnderLoad } from "./support/service-under-load.ts"
import { measuredHead, number, printTable, sizeOf } from "./support/table.ts"

const members = sizeOf("BENCH_MEMBERS", 1_000_000)
const fewMembers = 10_000
const times = Math.round(members / fewMembers)

// A tenth of a list is archived, and not exported.
await using sandbox = await startSandboxProcess([fewMembers, members].map((size) => Math.ceil(size / 0.9)))
const [small = "", large = ""] = sandbox.lists.map(({ id }) => id)

const { idle, firstFew, few, many, rows } = await inNewProcess(async (service) => {
  const idle = residentBytes(service.pid)
  await exportOf(service, small)
  const firstFew = peakBytes(service.pid)
  for (let left = times - 1; left > 0; left -= 1) await exportOf(service, small)
  const few = peakBytes(service.pid)
  const rows = await exportOf(service, large)
  return { idle, firstFew, few, many: peakBytes(service.pid), rows }
})
const firstMany = await inNewProcess(async (service) => {
  await exportOf(service, large)
  return peakBytes(service.pid)
})

printTable(`Memory: ${number(rows)} members over ten thousand`, measuredHead, [
  ["idle", megabytes(idle)],
  [`peak after ${times} exports of ten thousand`, megabytes(few)],
  ["peak after the large one then", megabytes(many)],
  ["ratio", `${number(many / few, 2)} ×`, "1.10 ×"],
  ["more", megabytes(many - few), "64 MB"],
  ["the first export of a process: ten thousand", megabytes(firstFew)],
  ["the first export of a process: the large one", megabytes(firstMany)],
  ["ratio, with what is compiled meanwhile", `${number(firstMany / firstFew, 2)} ×`],
])

async function inNewProcess<T>(measure: (service: ServiceUnderLoad) => Promise<T>): Promise<T> {
  await using service = await startServiceUnderLoad(sandbox)
  return await measure(service)
}

async function exportOf(service: ServiceUnderLoad, listId: string): Promise<number> {
  const { rows } = await consume(`${service.api}/export/${listId}`, service.headers)
  return rows
}

function megabytes(bytes: number): string {
  return `${number(bytes / MB)} MB`
}
