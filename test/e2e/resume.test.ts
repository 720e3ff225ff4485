import { afterAll, expect, test } from "bun:test"
import { join } from "node:path"
import { apiPrefix } from "../../src/http/envelope.ts"
import { createExportCheck } from "../../src/sandbox/check-export.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { startServiceProcess, type ServiceProcess } from "../../src/sandbox/service-process.ts"
import { type ExportEventLine, readLines } from "../support/event-lines.ts"
import { connectAccount, sandboxEnv } from "../support/service.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"

const pageSize = 100
const mailchimp = startSandbox({
  decision: "approve",
  latencyMs: 5,
  accounts: [
    {
      lists: [
        { name: "Busy", count: 6000, imports: [250] },
        { name: "Other", count: 1500 },
      ],
    },
  ],
})
const { sandbox } = mailchimp
const folder = temporaryFolder()
afterAll(async () => {
  await mailchimp.stop()
  folder.remove()
})

const env = {
  ...sandboxEnv(mailchimp),
  SQLITE_PATH: join(folder.path, "export.sqlite"),
  LOG_LEVEL: "silent",
  CURSOR_MARGIN_S: "1",
  MAILCHIMP_PAGE_SIZE: String(pageSize),
  MAILCHIMP_REQUESTS_PER_SECOND: "200",
}

test("an export that is killed (-9) 20 times and goes on from the last checkpoint received is exact, and repeats little", async () => {
  let service: ServiceProcess = await startServiceProcess(env, { output: "ignore" })
  const headers = await connectAccount({ api: service.url + apiPrefix })
  const listIds = sandbox.state.accounts.flatMap(({ lists }) => lists.map(({ id }) => id))
  sandbox.churn.start({ everyPage: { edits: 5, archives: 1, additions: 2 } })
  const startedMs = Date.now()
  const check = createExportCheck(sandbox, listIds, startedMs)

  let cursor: string | undefined
  let kills = 0
  let longestCursor = 0
  let rows = 0
  let end: Extract<ExportEventLine, { $export: "end" }> | undefined
  while (end === undefined) {
    const query = cursor === undefined ? "" : `&cursor=${cursor}`
    const answer = await fetch(`${service.url}${apiPrefix}/export?events=true${query}`, { headers })
    expect(answer.status).toBe(200)
    let checkpoints = Math.ceil(Math.random() * 5)
    try {
      for await (const line of readLines(answer)) {
        if ("row" in line) {
          rows += 1
          check.take(line.row)
        } else if (line.event.$export === "checkpoint") {
          cursor = line.event.cursor
          longestCursor = Math.max(longestCursor, cursor.length)
          checkpoints -= 1
          if (checkpoints === 0 && kills < 20) {
            kills += 1
            await service.kill()
          }
        } else if (line.event.$export === "end") end = line.event
      }
    } catch (error) {
      // A killed service breaks the transfer: what was received until then counts.
      if (!isBrokenTransfer(error)) throw error
    }
    if (end === undefined) service = await startServiceProcess(env, { output: "ignore" })
  }
  sandbox.churn.stop()
  await service.stop()

  expect(kills).toBe(20)
  expect(end.status).toBe("complete")
  expect(longestCursor).toBeLessThan(4096)
  const asOf = new Map(end.lists.map((list) => [list.id, Date.parse(list.as_of)]))
  const report = check.report(Date.now(), (listId) => asOf.get(listId) ?? 0)
  expect(report).toMatchObject({ missing: 0, stale: 0, backwards: 0, foreign: 0 })
  console.info(`${rows} rows over 20 kills, of ${report.members} members who were there all along`)
}, 180_000)

function isBrokenTransfer(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ECONNRESET"
}
