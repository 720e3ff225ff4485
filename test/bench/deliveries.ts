/**
 * Deliveries of webhooks while an export runs at Mailchimp's rate: how long each takes, whether all are stored, and what they
 * cost the export, in pairs of an export alone and one beside them. Deliveries are sent at their rate whether or not the
 * service keeps up. Sender, sandbox and service are processes of their own; how long the sender and the service were blocked is
 * measured apart.
 */
import { Database } from "bun:sqlite"
import { join } from "node:path"
import { z } from "zod"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { consume } from "./support/consumer.ts"
import { cpuSeconds } from "./support/process-stats.ts"
import { startSandboxProcess } from "./support/sandbox-process.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { type Sent, startDeliverySender } from "./support/start-delivery-sender.ts"
import { measuredHead, number, printTable, sizeOf, spread } from "./support/table.ts"

const members = sizeOf("BENCH_MEMBERS", 100_000)
const perSecond = sizeOf("BENCH_RATE", 500)
const runs = sizeOf("BENCH_RUNS", 3)
const seconds = sizeOf("BENCH_SECONDS", 30)
const burst = sizeOf("BENCH_BURST", 3000)

const folder = temporaryFolder()
const sqlitePath = join(folder.path, "export.sqlite")
await using sandbox = await startSandboxProcess([members])
await using service = await startServiceUnderLoad(sandbox, {
  MAILCHIMP_REQUESTS_PER_SECOND: "10",
  SQLITE_PATH: sqlitePath,
})
const [list] = sandbox.lists
const { headers } = service
const put = await fetch(`${service.api}/lists/${list?.id}/webhook`, { method: "PUT", headers })
if (!put.ok) throw new Error(await put.text())
const hooks = z.object({ webhooks: z.array(z.object({ url: z.string() })) }).parse(
  await (
    await fetch(`${sandbox.url}/3.0/lists/${list?.id}/webhooks`, {
      headers: { authorization: "Bearer token" },
    })
  ).json(),
)
const url = hooks.webhooks[0]?.url ?? ""

await using sender = startDeliverySender(url, list?.id ?? "")
const exportAll = () => consume(`${service.api}/export/${list?.id}`, headers)

await exportAll()
const ratios: number[] = []
const beside: Sent[] = []
const blocksMs: number[] = []
for (let run = 0; run < runs; run += 1) {
  const alone = await exportAll()
  await service.probe()
  sender.start(perSecond)
  const loaded = await exportAll()
  beside.push(await sender.stop())
  blocksMs.push((await service.probe()).blockP99Ms)
  ratios.push(loaded.durationMs / alone.durationMs)
}
const cpuBefore = cpuSeconds(service.pid)
sender.start(perSecond)
await Bun.sleep(seconds * 1000)
const alone = await sender.stop()
const cpuMs = ((cpuSeconds(service.pid) - cpuBefore) / alone.latenciesMs.length) * 1000
const atOnce = await sender.burst(burst)

const all = [...beside, alone, atOnce]
const sent = sum(all.map(({ latenciesMs }) => latenciesMs.length))
const accepted = sum(all.map((each) => each.accepted))
using database = new Database(sqlitePath, { readonly: true })
const stored =
  database.query<{ count: number }, []>("SELECT count(*) AS count FROM deliveries").get()?.count ?? 0

const besideMs = beside.flatMap(({ latenciesMs }) => latenciesMs)
printTable(
  `${perSecond} deliveries a second: ${number(besideMs.length)} beside ${runs} exports of ${number(members)}, then ${seconds} s alone, then ${number(burst)} at once`,
  measuredHead,
  [
    ["deliveries", number(sent), ""],
    ["not answered with 200", number(sent - accepted), "0"],
    ["answered with 200 and not stored", number(Math.max(0, accepted - stored)), "0"],
    ["response beside an export, median and p99", percentiles(besideMs), "p99 50 ms"],
    ["p99 of the service's event loop meanwhile", spread(blocksMs, " ms"), ""],
    [
      "p99 of the sender's event loop meanwhile",
      spread(
        beside.map(({ blockP99Ms }) => blockP99Ms),
        " ms",
      ),
      "",
    ],
    ["response alone, median and p99", percentiles(alone.latenciesMs), "p99 50 ms"],
    ["CPU of the service for a delivery, alone", `${number(cpuMs, 2)} ms`, ""],
    [`slowest response to ${number(burst)} at once`, `${number(Math.max(...atOnce.latenciesMs))} ms`, "10 s"],
    ["time of an export beside them over its time alone", spread(ratios, " ×", 2), "1.2 ×"],
  ],
)
database.close()
folder.remove()

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function percentiles(valuesMs: readonly number[]): string {
  const sorted = valuesMs.toSorted((a, b) => a - b)
  const [median = 0, p99 = 0] = [0.5, 0.99].map((share) => sorted[Math.floor(sorted.length * share)])
  return `${number(median, 1)} ms, ${number(p99, 1)} ms`
}
