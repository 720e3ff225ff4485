/**
 * Uses the service that `docker compose up --build --wait` of compose.yaml has started, and fails if something is not exact:
 * an export through the proxy, a job whose parts are in the object store, and exports while replicas are restarted and killed.
 * `JWT_SECRET=… bun test/image/use-compose.ts`, with the JWT_SECRET of compose.yaml.
 */
import { z } from "zod"
import { signToken } from "../../src/http/authenticate.ts"
import { apiPrefix } from "../../src/http/envelope.ts"
import { createExport } from "../../src/client/member-export.ts"
import { createBrowser } from "../support/browser.ts"
import { createJobClient } from "../support/job-client.ts"

const memberSchema = z.object({ status: z.string(), row: z.string() })
const listsSchema = z.object({ data: z.array(z.object({ id: z.string() })) })
const service = "http://127.0.0.1:8080"
const sandbox = "http://127.0.0.1:3001/sandbox"
const api = service + apiPrefix
const token = await signToken(
  { account_id: "acme", uid: crypto.randomUUID() },
  process.env["JWT_SECRET"] ?? "",
  3600,
)
const headers = { authorization: `Bearer ${token}` }

/** How often the last export was resumed. */
let resumed = 0

say("readyz", await (await fetch(`${service}/readyz`)).text())
await connect()
const truth = await readTruth()
expectExact("an export", await exportIds())

const jobs = createJobClient(() => ({ api }), headers)
const job = await jobs.ended((await jobs.start()).id)
say("job", `${job.state}, ${job.parts.length} parts`)
expectExact("the job", (await jobs.rows(job)).map(keyOf))

// An export now takes longer than a replica is away.
await changeSandbox({ latencyMs: 3000 })
const up = ["up", "-d", "--no-deps", "--wait"]
await exportDuring("web-1 was restarted", () => compose(...up, "--force-recreate", "web-1"))
await exportDuring("both replicas were killed, one after the other", async () => {
  for (const replica of ["web-1", "web-2"]) {
    await Bun.sleep(4000)
    await compose("kill", replica)
    await compose(...up, replica)
  }
})

/** Exports again and again until something is over. */
async function exportDuring(what: string, happen: () => Promise<void>): Promise<void> {
  const phase = { isOver: false }
  const happening = happen().finally(() => (phase.isOver = true))
  do expectExact(`an export while ${what}`, await exportIds())
  while (!phase.isOver)
  await happening
}

async function compose(...args: readonly string[]): Promise<void> {
  const child = Bun.spawn(["docker", "compose", ...args], { stdout: "ignore", stderr: "pipe" })
  const text = await new Response(child.stderr).text()
  if ((await child.exited) !== 0) throw new Error(text)
}

async function changeSandbox(settings: object): Promise<void> {
  const response = await fetch(`${sandbox}/settings`, { method: "PUT", body: JSON.stringify(settings) })
  if (!response.ok) throw new Error(await response.text())
}

function onProgress({ error }: { readonly error?: unknown }): void {
  if (error !== undefined) resumed += 1
}

/** Connects the account that consents at the sandbox, as a browser would. */
async function connect(): Promise<void> {
  await changeSandbox({ decision: "approve", latencyMs: 0 })
  const browser = createBrowser()
  const forwardUrl = encodeURIComponent(`${service}/console`)
  let url = `${api}/auth/login?forward_url=${forwardUrl}`
  for (let hop = 0; hop < 5 && !url.includes("status="); hop += 1) {
    const response = await browser.visit(url, hop === 0 ? headers : {})
    url = new URL(response.headers.get("location") ?? "", url).href
  }
  if (!url.includes("status=success")) throw new Error(`Cannot connect: ${url}`)
}

async function readTruth(): Promise<ReadonlySet<string>> {
  const { data } = listsSchema.parse(await (await fetch(`${api}/lists`, { headers })).json())
  const keys = new Set<string>()
  for (const { id } of data) {
    const text = await (await fetch(`${sandbox}/lists/${id}/truth`)).text()
    for (const line of text.split("\n").filter((line) => line !== "")) {
      const { status, row } = memberSchema.parse(JSON.parse(line))
      if (status !== "archived") keys.add(keyOf(row))
    }
  }
  return keys
}

async function exportIds(): Promise<string[]> {
  const exported = createExport<{ id: string; list_id: string }>(
    { baseUrl: service, token, fields: ["id", "list_id"], maxRetries: 50, onProgress },
    { sleep: (ms) => Bun.sleep(ms), random: Math.random },
  )
  const ids: string[] = []
  resumed = 0
  for await (const { id, list_id } of exported) ids.push(list_id + id)
  return ids
}

function keyOf(row: string): string {
  const { id, list_id }: { id: string; list_id: string } = JSON.parse(row)
  return list_id + id
}

function expectExact(name: string, keys: readonly string[]): void {
  const difference = new Set(keys).symmetricDifference(truth).size
  say(name, `${keys.length} members, ${difference} differences, resumed ${resumed} times`)
  if (difference > 0 || keys.length === 0) throw new Error(`${name} is not exact`)
}

function say(name: string, text: string): void {
  process.stdout.write(`${name}: ${text}\n`)
}
