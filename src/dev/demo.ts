import { mkdirSync, rmSync } from "node:fs"
import { resolve } from "node:path"
import { z } from "zod"
import { apiPrefix } from "../http/envelope.ts"
import { createExportCheck, type ExportReport } from "./check-export.ts"
import { createDemoOutput, isExact } from "./demo-output.ts"
import { followLogin } from "./follow-login.ts"
import { startSandbox } from "../sandbox/serve.ts"
import { serviceEnvironment, startServiceProcess } from "./service-process.ts"
import { signToken } from "./sign-token.ts"

/**
 * The whole product in one run: a sandbox Mailchimp whose lists change while they are read, the service as a process
 * of its own, the redirects of a login, an export of every list to a file, and a check of that file against the
 * sandbox's truth. Exits with 0 only if every member is there.
 */
const folder = resolve(import.meta.dir, "../../.data/demo")
const file = `${folder}/members.ndjson`
const marginS = 10
const forwardUrl = "http://127.0.0.1/connected"
const jwtSecret = crypto.getRandomValues(new Uint8Array(32)).toHex()
const everyPage = { edits: 5, deletions: 1, additions: 2 }

const listsSchema = z.object({
  data: z.array(
    z.object({ id: z.string(), member_count: z.int(), unsubscribe_count: z.int(), cleaned_count: z.int() }),
  ),
})

const output = createDemoOutput(process.stdout)
const { say } = output

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })

const mailchimp = startSandbox({
  decision: "approve",
  accounts: [
    {
      accountName: "Analytical Engines",
      loginEmail: "ada@example.com",
      dc: "us19",
      lists: [
        { name: "Newsletter", count: 20_000, imports: [2500] },
        { name: "Customers", count: 8000, hostile: true },
        { name: "Partners", count: 5000 },
        { name: "Nobody yet", count: 0 },
      ],
    },
  ],
})
mailchimp.sandbox.churn.start({ everyPage })
say(`Sandbox Mailchimp   ${mailchimp.url}`)

const service = await startServiceProcess({
  ...serviceEnvironment(mailchimp.url),
  SQLITE_PATH: `${folder}/export.sqlite`,
  JWT_SECRET: jwtSecret,
  FORWARD_URL_ORIGINS: new URL(forwardUrl).origin,
  LOG_LEVEL: "warn",
})
const api = service.url + apiPrefix
try {
  say(`Service             ${service.url}`)
  const headers = {
    authorization: `Bearer ${await signToken({ account_id: "acme", uid: "ada" }, jwtSecret, 3600)}`,
  }
  await connect(headers)
  const exported = await exportAll(headers)
  await fetch(`${api}/auth`, { method: "DELETE", headers })
  const { peakBytes } = await service.stop()
  const report = await check(exported)
  output.summarize({ ...exported, peakBytes, made: mailchimp.sandbox.churn.made, file, report })
  process.exitCode = isExact(report) ? 0 : 1
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
} finally {
  await service.stop()
  await mailchimp.stop()
}

type Headers = Readonly<Record<string, string>>
type Exported = Awaited<ReturnType<typeof exportAll>>

async function connect(headers: Headers): Promise<void> {
  const reached = await followLogin(api, headers, {
    forwardUrl,
    onStep: ({ status, isService, path }) =>
      say(`  ${status}  ${(isService ? "service" : "sandbox").padEnd(7)}  ${path}`),
  })
  say(`Connected           ${reached}`)
}

/** Streams every list to the file, chunk by chunk as it arrives. */
async function exportAll(headers: Headers) {
  const lists = listsSchema.parse(await (await fetch(`${api}/lists`, { headers })).json()).data
  const estimate = lists.reduce(
    (sum, list) => sum + list.member_count + list.unsubscribe_count + list.cleaned_count,
    0,
  )
  const requestsBefore = mailchimp.sandbox.traffic.total
  const startedMs = Date.now()
  const response = await fetch(`${api}/export`, { headers })
  if (!response.ok || response.body === null)
    throw new Error(`Cannot export: ${response.status} ${await response.text()}`)

  const writer = Bun.file(file).writer()
  const progress = output.startProgress(estimate)
  let rows = 0
  for await (const chunk of response.body) {
    rows += countLines(chunk)
    await writer.write(chunk)
    progress.show(rows)
  }
  await writer.end()
  progress.end()
  const durationMs = Date.now() - startedMs
  return { lists, rows, startedMs, durationMs, requests: mailchimp.sandbox.traffic.total - requestsBefore }
}

/** Compares each row of the file with all versions of its member. */
async function check({ lists, startedMs, durationMs }: Exported): Promise<ExportReport> {
  const listIds = lists.map(({ id }) => id)
  const exportCheck = createExportCheck(mailchimp.sandbox, listIds, startedMs)
  const text = await Bun.file(file).text()
  for (const line of text.split("\n")) if (line !== "") exportCheck.take(line)
  return exportCheck.report(startedMs + durationMs, asOfMs)
}

/** The promise for a list: its rows are exact up to the watermark at the request for its last page. */
function asOfMs(listId: string): number {
  const last = mailchimp.sandbox.traffic.log.findLast(({ path }) => path.endsWith(`/lists/${listId}/members`))
  return (last?.at ?? 0) - (marginS + 2) * 1000
}

function countLines(chunk: Uint8Array): number {
  let lines = 0
  for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines += 1
  return lines
}
