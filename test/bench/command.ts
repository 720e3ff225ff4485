/**
 * What the command costs beside `curl -o` of the same export: a million members to a file. The command reads compressed
 * responses, so it is compared with curl that does so too.
 */
import { join } from "node:path"
import { $ } from "bun"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { MB } from "./support/process-stats.ts"
import { startSandboxProcess } from "./support/sandbox-process.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { number, printTable, sizeOf } from "./support/table.ts"

const members = sizeOf("BENCH_MEMBERS", 1_000_000)
const bundle = join(import.meta.dir, "../../dist/command/mailchimp-export.js")
await $`bun run build:client`.quiet()

// A tenth of a list is archived, and not exported.
await using sandbox = await startSandboxProcess([Math.ceil(members / 0.9)])
await using service = await startServiceUnderLoad(sandbox)
const folder = temporaryFolder()
const { authorization = "" } = service.headers
const env = {
  PATH: process.env["PATH"] ?? "",
  MAILCHIMP_EXPORT_URL: service.api,
  MAILCHIMP_EXPORT_TOKEN: authorization.replace("Bearer ", ""),
}

type Usage = { readonly name: string; readonly cpuS: number; readonly peakMB: number; readonly wallS: number }

async function measure(name: string, command: readonly string[]): Promise<Usage> {
  const startedMs = performance.now()
  const child = Bun.spawn([...command], { cwd: folder.path, env, stdout: "ignore", stderr: "inherit" })
  if ((await child.exited) !== 0) throw new Error(`${name} failed`)
  const { cpuTime, maxRSS } = child.resourceUsage() ?? { cpuTime: { total: 0n }, maxRSS: 0 }
  const wallS = (performance.now() - startedMs) / 1000
  return { name, cpuS: Number(cpuTime.total) / 1e6, peakMB: maxRSS / MB, wallS }
}

const curl = [
  "curl",
  "-sS",
  "--fail",
  "-H",
  `Authorization: ${authorization}`,
  `${service.api}/export?events=true`,
]
const pull = [bundle, "pull", "--quiet", "--out"]
try {
  const results = [
    await measure("curl -o", [...curl, "-o", "curl.ndjson"]),
    await measure("curl --compressed -o", [...curl, "--compressed", "-o", "curl.ndjson"]),
    await measure("command, Node", ["node", ...pull, "node.ndjson"]),
    await measure("command, Bun", ["bun", ...pull, "bun.ndjson"]),
    await measure("command, CSV, Node", ["node", ...pull, "node.csv"]),
  ]
  printTable(
    `The command: ${number(members)} members to a file`,
    ["", "CPU s", "peak MB", "wall s"],
    results.map(({ name, cpuS, peakMB, wallS }) => [name, number(cpuS, 2), number(peakMB), number(wallS, 1)]),
  )
} finally {
  folder.remove()
}
