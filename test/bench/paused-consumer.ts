/** What a consumer costs that stops reading in the middle of an export, and that it gets the rest when it continues. */
import { connect } from "node:net"
import { MB, residentBytes } from "./support/process-stats.ts"
import { startSandboxProcess } from "./support/sandbox-process.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { consume } from "./support/consumer.ts"
import { measuredHead, number, printTable, sizeOf } from "./support/table.ts"

const stallS = sizeOf("BENCH_STALL_S", 20)
const stallAfterBytes = 20 * MB

await using sandbox = await startSandboxProcess([100_000])
await using service = await startServiceUnderLoad(sandbox)
const url = new URL(`${service.api}/export`)

const idle = residentBytes(service.pid)
let peak = 0
const sampling = setInterval(() => (peak = Math.max(peak, residentBytes(service.pid))), 50)
const stalled = await readWithPause()
clearInterval(sampling)
const whole = await consume(url.href, service.headers)

printTable(
  `A consumer who stops reading for ${stallS} s, after ${number(stalled.rowsBefore)} rows`,
  measuredHead,
  [
    ["pages read upstream meanwhile", number(stalled.pagesMeanwhile), "20"],
    ["pages read that it has not received", number(stalled.pagesAhead), ""],
    ["memory over idle", `${number((peak - idle) / MB)} MB`, "48 MB"],
    ["rows it got in the end", `${number(stalled.rows)} of ${number(whole.rows)}`],
    ["the transfer ended well", stalled.endedWell ? "yes" : "NO"],
  ],
)

async function countPages(): Promise<number> {
  return (await sandbox.requests()).filter(({ path }) => path.endsWith("/members")).length
}

/** Reads from a bare socket, as fetch would read on by itself into memory of its own. */
async function readWithPause() {
  const socket = connect(Number(url.port), url.hostname)
  const headers = Object.entries({ ...service.headers, host: url.host, connection: "close" })
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")
  socket.write(`GET ${url.pathname} HTTP/1.1\r\n${head}\r\n`)

  let bytes = 0
  let rows = 0
  let tail = ""
  let pause: { rowsBefore: number; pagesMeanwhile: number; pagesAhead: number } | undefined
  for await (const chunk of socket) {
    // The lines of the transfer itself end by \r\n, those of rows by \n alone.
    const text = (tail + chunk.toString("latin1")).slice(tail === "" ? 0 : tail.length - 1)
    rows += text.match(/(?<!\r)(?<=.)\n/gs)?.length ?? 0
    tail = (tail + text.slice(-8)).slice(-8)
    bytes += chunk.length
    if (pause === undefined && bytes > stallAfterBytes) {
      const before = await countPages()
      await Bun.sleep(stallS * 1000)
      const after = await countPages()
      const pagesAhead = after - Math.floor(rows / 1000)
      pause = { rowsBefore: rows, pagesMeanwhile: after - before, pagesAhead }
    }
  }
  if (pause === undefined) throw new Error("The export was too short to stop in the middle of it")
  return { rows, endedWell: tail.endsWith("0\r\n\r\n"), ...pause }
}
