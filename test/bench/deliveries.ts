/**
 * Deliveries of webhooks while an export runs at Mailchimp's rate: how long each takes, whether all are stored, and what they
 * cost the export, in pairs of an export alone and one beside them. Deliveries are sent at their rate whether or not the
 * service keeps up.
 */
import { Database } from "bun:sqlite"
import { join } from "node:path"
import { z } from "zod"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { consume } from "./support/consumer.ts"
import { startSandboxProcess } from "./support/sandbox-process.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { measuredHead, number, printTable, sizeOf, spread } from "./support/table.ts"

const members = sizeOf("BENCH_MEMBERS", 100_000)
const perSecond = sizeOf("BENCH_RATE", 500)
const runs = sizeOf("BENCH_RUNS", 3)
const seconds = sizeOf("BENCH_SECONDS", 30)
const tickMs = 10

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

const latenciesMs: number[] = []
let sent = 0
let accepted = 0
const exportAll = () => consume(`${service.api}/export/${list?.id}`, headers)

await exportAll()
const ratios: number[] = []
for (let run = 0; run < runs; run += 1) {
  const alone = await exportAll()
  const stopping = new AbortController()
  const sending = sendUntil(stopping.signal)
  const beside = await exportAll()
  stopping.abort()
  await sending
  ratios.push(beside.durationMs / alone.durationMs)
}
const besideMs = latenciesMs.splice(0)
await sendUntil(AbortSignal.timeout(seconds * 1000))
using database = new Database(sqlitePath, { readonly: true })
const stored =
  database.query<{ count: number }, []>("SELECT count(*) AS count FROM deliveries").get()?.count ?? 0

printTable(
  `${perSecond} deliveries a second: ${number(besideMs.length)} beside ${runs} exports of ${number(members)}, then ${seconds} s alone`,
  measuredHead,
  [
    ["deliveries", number(sent), ""],
    ["not answered with 200", number(sent - accepted), "0"],
    ["answered with 200 and not stored", number(Math.max(0, accepted - stored)), "0"],
    ["response beside an export, median and p99", percentiles(besideMs), "p99 50 ms"],
    ["response alone, median and p99", percentiles(latenciesMs), "p99 50 ms"],
    ["time of an export beside them over its time alone", spread(ratios, " ×", 2), "1.2 ×"],
  ],
)
database.close()
folder.remove()

/** Sends at the rate until the signal aborts, and waits for the last response. */
async function sendUntil(signal: AbortSignal): Promise<void> {
  const startedMs = performance.now()
  const open: Promise<void>[] = []
  for (let due = 0; !signal.aborted; await Bun.sleep(tickMs))
    for (const until = ((performance.now() - startedMs) / 1000) * perSecond; due < until; due += 1)
      open.push(send())
  await Promise.all(open)
}

async function send(): Promise<void> {
  sent += 1
  const body = new URLSearchParams({
    type: "profile",
    fired_at: "2026-03-01 10:00:00",
    "data[id]": "8a25ff1d98",
    "data[email]": `member.${sent}@example.com`,
    "data[merges][FNAME]": "Ada",
    "data[merges][LNAME]": "Lovelace",
    "data[list_id]": list?.id ?? "",
  })
  const startedMs = performance.now()
  const response = await fetch(url, { method: "POST", body }).catch(() => undefined)
  latenciesMs.push(performance.now() - startedMs)
  if (response?.status === 200) accepted += 1
}

function percentiles(valuesMs: readonly number[]): string {
  const sorted = valuesMs.toSorted((a, b) => a - b)
  const [median = 0, p99 = 0] = [0.5, 0.99].map((share) => sorted[Math.floor(sorted.length * share)])
  return `${number(median, 1)} ms, ${number(p99, 1)} ms`
}
