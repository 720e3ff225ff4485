/** A list that changes at every page that is read of it: who is lost, who is stale, and what the exactness costs. */
import { createExportCheck } from "../../src/dev/check-export.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { readLines } from "../support/event-lines.ts"
import { connectAccount, sandboxEnv, startService } from "../support/service.ts"
import { number, printTable, sizeOf } from "./support/table.ts"

const members = sizeOf("BENCH_CHURN_MEMBERS", 100_000)
const pageSize = 1000
const requestsPerSecond = sizeOf("BENCH_RATE", 10)
const mild = { edits: 5, archives: 1, additions: 2 }

const rows = [await measure(1), await measure(10)]
printTable(
  `An export of ${number(members)} members while at every page 5 are edited, 1 is archived and 2 are added, at ${number(requestsPerSecond)} requests a second`,
  [
    "changes",
    "status",
    "there all along",
    "lost",
    "stale",
    "older after newer",
    "requests",
    "over the least possible",
  ],
  rows,
)

async function measure(times: number): Promise<string[]> {
  // Archived members are not in a live export, so a few more are seeded.
  const mailchimp = startSandbox({
    decision: "approve",
    gzip: false,
    accounts: [{ lists: [{ name: "Busy", count: Math.round(members * 1.12) }] }],
  })
  const { sandbox } = mailchimp
  const service = await startService({
    ...sandboxEnv(mailchimp),
    MAILCHIMP_PAGE_SIZE: String(pageSize),
    MAILCHIMP_REQUESTS_PER_SECOND: String(requestsPerSecond),
  })
  const listId = sandbox.state.accounts[0]?.lists[0]?.id ?? ""
  const headers = await connectAccount(service)
  const everyPage = {
    edits: mild.edits * times,
    archives: mild.archives * times,
    additions: mild.additions * times,
  }
  sandbox.churn.start({ everyPage, listId })

  const startedMs = Date.now()
  const check = createExportCheck(sandbox, [listId], startedMs)
  let asOfMs = 0
  let status = "broken"
  for await (const line of readLines(await fetch(`${service.api}/export?events=true`, { headers }))) {
    if ("row" in line) check.take(line.row)
    else if (line.event.$export === "end") {
      status = line.event.status
      asOfMs = Date.parse(line.event.lists[0]?.as_of ?? "")
    }
  }
  const endedMs = Date.now()
  sandbox.churn.stop()
  const requests = sandbox.traffic.log.filter((entry) => entry.listId === listId).length
  const report = check.report(endedMs, () => asOfMs)
  await service.stop()
  await mailchimp.stop()
  const least = Math.ceil(report.members / pageSize)
  return [
    `${times} ×`,
    status,
    number(report.members),
    number(report.missing),
    number(report.stale),
    number(report.backwards + report.foreign),
    number(requests),
    `${number(requests / least, 2)} ×`,
  ]
}
