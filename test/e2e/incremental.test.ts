import { afterAll, expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { readLines } from "../support/event-lines.ts"
import { connectAccount, sandboxEnv, startService } from "../support/service.ts"

const mailchimp = startSandbox({
  decision: "approve",
  accounts: [
    {
      lists: [
        { name: "One", count: 900 },
        { name: "Two", count: 300, imports: [150] },
      ],
    },
  ],
})
const { sandbox } = mailchimp
const service = await startService({
  ...sandboxEnv(mailchimp),
  MAILCHIMP_PAGE_SIZE: "100",
  CURSOR_MARGIN_S: "1",
})
afterAll(async () => {
  await service.stop()
  await mailchimp.stop()
})

const [account] = sandbox.state.accounts
const replica = new Map<string, string>()

/** Everything that is in the lists now, archived members included. */
function truth(): Map<string, string> {
  const rows = new Map<string, string>()
  for (const { id } of account?.lists ?? [])
    for (const member of sandbox.truth(id).members()) rows.set(`${id}/${member.id}`, member.row)
  return rows
}

test("20 rounds of churn and export from the end cursor: the replica equals the truth after each round, with archived members marked", async () => {
  const headers = await connectAccount(service)
  let cursor: string | undefined
  for (let round = 0; round < 20; round += 1) {
    const url = `${service.api}/export?events=true&include=archived${cursor === undefined ? "" : `&cursor=${cursor}`}`
    const response = await fetch(url, { headers })
    expect(response.status).toBe(200)
    let rows = 0
    for await (const line of readLines(response)) {
      if ("row" in line) {
        const { list_id: listId, id } = JSON.parse(line.row)
        replica.set(`${listId}/${id}`, line.row)
        rows += 1
      } else if (line.event.$export === "end") {
        expect(line.event.status).toBe("complete")
        expect(line.event.rows).toBe(rows)
        cursor = line.event.cursor
      }
    }
    const expected = truth()
    expect(replica.size).toBe(expected.size)
    for (const [key, row] of expected) expect(replica.get(key)).toBe(row)
    if (round > 0) expect(rows).toBeLessThan(600)

    for (const { id } of account?.lists ?? []) {
      sandbox.churn.once(id, { edits: 15, additions: 5, archives: 4, unarchives: 2 })
    }
  }
}, 120_000)
