/**
 * What a hundred consumers cost who stop reading a compressed export in the middle: memory over idle, for each coding. The
 * kernel's buffers take 4 MB of each response, so the export is long, and memory is measured when no request follows any more.
 */
import { connect, type Socket } from "node:net"
import { MB, residentBytes } from "./support/process-stats.ts"
import { startSandboxProcess } from "./support/sandbox-process.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { number, printTable, sizeOf } from "./support/table.ts"

const readers = sizeOf("BENCH_READERS", 100)
const stallS = sizeOf("BENCH_STALL_S", 5)
await using sandbox = await startSandboxProcess([100_000])

const rows = []
for (const coding of ["identity", "gzip", "zstd"]) {
  await using service = await startServiceUnderLoad(sandbox, {
    MAX_EXPORTS: "1000",
    MAX_EXPORTS_PER_CALLER: "1000",
    MAILCHIMP_REQUESTS_PER_SECOND: "1000",
  })
  const idle = residentBytes(service.pid)
  let peak = idle
  const sampling = setInterval(() => (peak = Math.max(peak, residentBytes(service.pid))), 50)
  const sockets = Array.from({ length: readers }, () => request(service.api, { ...service.headers, coding }))
  for (let before = -1, requests = 0; requests > before; requests = (await sandbox.requests()).length) {
    before = requests
    await Bun.sleep(stallS * 1000)
  }
  clearInterval(sampling)
  const held = residentBytes(service.pid)
  for (const socket of sockets) socket.destroy()
  rows.push([
    coding,
    `${number((held - idle) / MB)} MB`,
    `${number((peak - idle) / MB)} MB`,
    coding === "identity" ? "" : `${number((readers * 80) / 100)} MB`,
  ])
}
printTable(
  `${readers} consumers who do not read, when no request was sent for ${stallS} s`,
  ["", "held", "peak", "held at most"],
  rows,
)

/** A socket that sends a request, and never reads the response: fetch would read on by itself. */
function request(api: string, { coding, ...headers }: Record<string, string>): Socket {
  const { hostname, port, host, pathname } = new URL(`${api}/export`)
  const socket = connect(Number(port), hostname)
  const fields = Object.entries({ host, "accept-encoding": coding, ...headers })
  socket.pause()
  socket.write(
    `GET ${pathname} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
  )
  return socket
}
