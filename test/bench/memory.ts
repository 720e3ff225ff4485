/** What a million members cost in memory over ten thousand, in one process of the service. */
import { consume } from "./support/consumer.ts"
import { MB, peakBytes, residentBytes } from "./support/process-stats.ts"
import { startSandboxProcess } from "./support/sandbox-process.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { measuredHead, number, printTable, sizeOf } from "./support/table.ts"

// A tenth of a list is archived, and not exported.
const members = Math.ceil(sizeOf("BENCH_MEMBERS", 1_000_000) / 0.9)

await using sandbox = await startSandboxProcess([11_111, members])
await using service = await startServiceUnderLoad(sandbox)
const [small, large] = sandbox.lists

const idle = residentBytes(service.pid)
const few = await consume(`${service.api}/export/${small?.id}`, service.headers)
const fewPeak = peakBytes(service.pid)
const many = await consume(`${service.api}/export/${large?.id}`, service.headers)
const manyPeak = peakBytes(service.pid)

printTable(`Memory: ${number(many.rows)} members after ${number(few.rows)}, in one process`, measuredHead, [
  ["idle", `${number(idle / MB)} MB`],
  [`peak after ${number(few.rows)}`, `${number(fewPeak / MB)} MB`],
  [`peak after ${number(many.rows)}`, `${number(manyPeak / MB)} MB`],
  ["more", `${number((manyPeak - fewPeak) / MB)} MB`, "64 MB"],
  ["ratio", `${number(manyPeak / fewPeak, 2)} ×`, "1.10 ×"],
])
