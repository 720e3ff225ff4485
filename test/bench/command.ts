/**
 * What the command costs beside `curl -o` of the same export: a million members to a file, alternately, and beside a bare loop of
 * `node:http` that only writes.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { $ } from "bun"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { startSandboxProcess } from "./support/sandbox-process.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { median, number, printTable, sizeOf, spread } from "./support/table.ts"

const members = sizeOf("BENCH_MEMBERS", 1_000_000)
const runs = sizeOf("BENCH_RUNS", 15)
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

type Usage = { readonly cpuS: number; readonly peakMB: number; readonly wallS: number }

async function measure(name: string, command: readonly string[]): Promise<Usage> {
  const startedMs = performance.now()
  const child = Bun.spawn([...command], { cwd: folder.path, env, stdout: "ignore", stderr: "inherit" })
  // The system's own peak of a process begins with the memory of the process that started it.
  let peakMB = 0
  const timer = setInterval(() => {
    peakMB = Math.max(peakMB, residentPeakMB(child.pid))
  }, 20)
  if ((await child.exited) !== 0) throw new Error(`${name} failed`)
  clearInterval(timer)
  const { cpuTime } = child.resourceUsage() ?? { cpuTime: { total: 0n } }
  const wallS = (performance.now() - startedMs) / 1000
  return { cpuS: Number(cpuTime.total) / 1e6, peakMB, wallS }
}

function residentPeakMB(pid: number): number {
  try {
    const [, kB = "0"] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? []
    return Number(kB) / 1024
  } catch {
    return 0
  }
}

/** Measures the commands alternately, so that what else the machine does is the same for all. */
async function alternate(commands: Readonly<Record<string, readonly string[]>>, times: number) {
  const usages = new Map<string, Usage[]>(Object.keys(commands).map((name) => [name, []]))
  for (let run = 0; run < times; run += 1)
    for (const [name, command] of Object.entries(commands))
      usages.get(name)?.push(await measure(name, command))
  return usages
}

const url = `${service.api}/export?events=true`
const curl = ["curl", "-sS", "--fail", "-H", `Authorization: ${authorization}`, url]
const pull = [bundle, "pull", "--quiet", "--out"]
const bareLoop = `
import { get } from "node:http"
import { openSync, writeSync } from "node:fs"
const [url, authorization] = process.argv.slice(1)
const file = openSync("loop.ndjson", "w")
get(url, { headers: { authorization } }, (response) => response.on("data", (data) => writeSync(file, data)))`
try {
  const exports = await alternate(
    {
      "curl -o": [...curl, "-o", "curl.ndjson"],
      "command, Node": ["node", ...pull, "node.ndjson"],
      "command, Bun": ["bun", ...pull, "bun.ndjson"],
      "loop of node:http that only writes": [
        "node",
        "--input-type=module",
        "-e",
        bareLoop,
        url,
        authorization,
      ],
    },
    runs,
  )
  const reference = exports.get("curl -o") ?? []
  printTable(
    `The command: ${number(members)} members to a file, ${runs} times`,
    ["", "CPU s", "over curl", "peak MB", "wall s"],
    [...exports].map(([name, usages]) => [
      name,
      spread(
        usages.map(({ cpuS }) => cpuS),
        "",
        2,
      ),
      number(median(usages.map(({ cpuS }, run) => cpuS / (reference[run]?.cpuS ?? 0))), 2),
      number(median(usages.map(({ peakMB }) => peakMB))),
      number(median(usages.map(({ wallS }) => wallS)), 1),
    ]),
  )
  const starts = await alternate(
    { "node, nothing": ["node", "-e", "0"], "--help, Node": ["node", bundle, "--help"] },
    15,
  )
  printTable(
    "Its start, 15 times",
    ["", "ms"],
    [...starts].map(([name, usages]) => [
      name,
      spread(
        usages.map(({ wallS }) => wallS * 1000),
        "",
        0,
      ),
    ]),
  )
} finally {
  folder.remove()
}
