/** What an export by the client costs behind a proxy that cuts all connections every 0.7 s, over one that is not cut. */
import { join } from "node:path"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { createClientProject } from "../support/client-project.ts"
import { startCuttingProxy } from "../support/cutting-proxy.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { measuredHead, printTable, sizeOf, spread } from "./support/table.ts"

const runs = sizeOf("BENCH_RUNS", 3)
const count = sizeOf("BENCH_MEMBERS", 36_000)
const everyMs = 700
const latencyMs = 150

const mailchimp = startSandbox({
  decision: "approve",
  latencyMs,
  accounts: [{ lists: [{ name: "Newsletter", count }] }],
})
const services = serviceProcesses(mailchimp, { MAILCHIMP_REQUESTS_PER_SECOND: "10" })
const service = await services.start()
const project = await createClientProject()
const { authorization = "" } = await connectAccount(service)

const rows: string[][] = []
for (const program of ["bun", "node"]) {
  const times: number[] = []
  const repeats: number[] = []
  for (let run = 0; run < runs; run += 1) {
    const whole = await consume(program, service.url)
    const proxy = await startCuttingProxy(service.url, everyMs)
    const cut = await consume(program, proxy.url)
    proxy.stop()
    const received = new Set(cut.versions)
    if (received.symmetricDifference(new Set(whole.versions)).size > 0) throw new Error("not exact")
    times.push(cut.ms / whole.ms)
    repeats.push(cut.versions.length / received.size)
  }
  rows.push([`${program}: the time`, spread(times, " ×"), "4 ×"])
  rows.push([`${program}: the rows`, spread(repeats, " ×", 2), "2 ×"])
}
printTable(
  `Cuts: ${count} members, ${latencyMs} ms a page, a proxy that cuts every ${everyMs} ms, ${runs} runs, over an export without cuts`,
  measuredHead,
  rows,
)
await services.end()
await mailchimp.stop()
project.remove()

async function consume(program: string, url: string): Promise<{ versions: string[]; ms: number }> {
  const startedMs = performance.now()
  const token = authorization.replace("Bearer ", "")
  const child = Bun.spawn([program, join(project.path, "main.js"), "consume", url, token], {
    stderr: "inherit",
  })
  const { versions } = JSON.parse(await child.stdout.text())
  return { versions, ms: performance.now() - startedMs }
}
