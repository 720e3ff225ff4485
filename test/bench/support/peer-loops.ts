import { join } from "node:path"
import { countLines } from "./consumer.ts"

/** What one export computed, and how long it took. */
export type Run = { rows: number; cpuSeconds: number; durationMs: number; peakBytes: number }

/** What a loop reads, in Mailchimp's own parameters. */
export type LoopOptions = {
  readonly apiUrl: string
  readonly listId: string
  readonly excludeFields?: string
  readonly fields?: string
}

const folder = join(import.meta.dir, "../peers")

export const runtimes = [
  { name: "Node", path: Bun.which("node") },
  { name: "Bun", path: process.execPath },
]
export const loops = [
  { name: "official SDK's loop", script: "sdk-loop.js" },
  { name: "plain fetch loop", script: "fetch-loop.js" },
]

export function installPeers(): void {
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, "install", "--frozen-lockfile"], {
    cwd: folder,
  })
  if (exitCode !== 0) throw new Error(`Cannot install the peers: ${stderr.toString()}`)
}

/** Runs a loop to its end, in a process of its own. Its CPU time is measured without its start. */
export async function runPeer(runtime: string | null, script: string, options: LoopOptions): Promise<Run> {
  if (runtime === null) throw new Error("Cannot run the loops on Node as there is no node in the PATH")
  const { apiUrl, listId, excludeFields = "", fields = "" } = options
  const startedMs = performance.now()
  const child = Bun.spawn([runtime, join(folder, script), apiUrl, "token", listId, excludeFields, fields], {
    stdout: "pipe",
    stderr: "pipe",
  })
  let rows = 0
  for await (const chunk of child.stdout) rows += countLines(chunk)
  const durationMs = performance.now() - startedMs
  const said = await child.stderr.text()
  if ((await child.exited) !== 0) throw new Error(`${script} failed: ${said}`)
  const { cpuSeconds }: { cpuSeconds: number } = JSON.parse(said)
  return { rows, durationMs, cpuSeconds, peakBytes: child.resourceUsage()?.maxRSS ?? 0 }
}
