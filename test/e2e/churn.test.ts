import { afterAll, expect, test } from "bun:test"
import { createExportCheck } from "../../src/dev/check-export.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { connectAccount, sandboxEnv, startService } from "../support/service.ts"

const marginS = 10
const mailchimp = startSandbox({
  decision: "approve",
  accounts: [{ lists: [{ name: "Busy", count: 56_000 }] }],
})
const service = await startService({ ...sandboxEnv(mailchimp), CURSOR_MARGIN_S: String(marginS) })
afterAll(async () => {
  await service.stop()
  await mailchimp.stop()
})

test("50,000 members, 20 edits, 2 deletions and 4 additions at every page: none is missing, none is stale", async () => {
  const { sandbox } = mailchimp
  const [list] = sandbox.state.accounts[0]?.lists ?? []
  if (list === undefined) throw new Error("no list")
  const headers = await connectAccount(service)
  sandbox.churn.start({ everyPage: { edits: 20, deletions: 2, additions: 4 } })

  const startedMs = Date.now()
  const response = await fetch(`${service.api}/export`, { headers })
  const text = await response.text()
  const endedMs = Date.now()
  sandbox.churn.stop()

  const check = createExportCheck(sandbox, [list.id], startedMs)
  for (const line of text.split("\n")) if (line !== "") check.take(line)
  const lastRequestedMs =
    sandbox.traffic.log.findLast(({ listId, path }) => listId === list.id && path.endsWith("/members"))?.at ??
    0
  const report = check.report(endedMs, () => lastRequestedMs - (marginS + 2) * 1000)
  expect(report).toMatchObject({ missing: 0, stale: 0, backwards: 0, foreign: 0 })
  expect(report.members).toBeGreaterThan(50_000)
  expect(sandbox.churn.made.edits).toBeGreaterThan(1000)
}, 120_000)
