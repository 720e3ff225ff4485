import { afterAll, afterEach, beforeAll, expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { readLines } from "../support/event-lines.ts"
import { liveRowsOf } from "../support/live-rows.ts"
import { connectAccount, sandboxEnv, startService, type RunningService } from "../support/service.ts"

const mailchimp = startSandbox({
  decision: "approve",
  accounts: [
    {
      lists: [
        { name: "Five pages", count: 600 },
        { name: "Nobody yet", count: 0 },
      ],
    },
  ],
})
const { sandbox } = mailchimp
let service: RunningService
let headers: Record<string, string>

beforeAll(async () => {
  service = await startService({ ...sandboxEnv(mailchimp), MAILCHIMP_PAGE_SIZE: "100" })
  headers = await connectAccount(service)
})
afterAll(async () => {
  await service.stop()
  await mailchimp.stop()
})
afterEach(() => sandbox.faults.clear())

const listNamed = (name: string) =>
  sandbox.state.accounts.flatMap(({ lists }) => lists).find((list) => list.name === name)?.id ?? ""
const live = (listId: string) => liveRowsOf(sandbox, listId)

/** The rows of an export, which must say that it is complete. */
async function exported(listId: string, query = ""): Promise<string[]> {
  const response = await fetch(`${service.api}/export/${listId}?events=true${query}`, { headers })
  expect(response.status).toBe(200)
  const rows: string[] = []
  let status: string | undefined
  for await (const line of readLines(response)) {
    if ("row" in line) rows.push(line.row)
    else if (line.event.$export === "end") status = line.event.status
  }
  expect(status).toBe("complete")
  return rows
}

test("other arrays after the members of each page lose no row", async () => {
  const listId = listNamed("Five pages")
  sandbox.faults.add({
    match: { path: "/members" },
    action: { kind: "odd_page", oddity: "more_arrays" },
    times: Infinity,
  })
  expect((await exported(listId)).toSorted()).toEqual(live(listId).toSorted())
})

test.each(["not_utf8", "joined", "other_list"] as const)(
  "a page that is %s is requested again",
  async (oddity) => {
    const listId = listNamed("Five pages")
    const fault = sandbox.faults.add({
      match: { path: "/members", query: /count=\d\d/ },
      action: { kind: "odd_page", oddity },
      times: 2,
    })
    expect((await exported(listId)).toSorted()).toEqual(live(listId).toSorted())
    expect(fault.played).toBe(2)
  },
)

test.each(["no_members", "null_members"] as const)("an empty page may have %s", async (oddity) => {
  const fault = sandbox.faults.add({
    match: { path: "/members" },
    action: { kind: "odd_page", oddity },
    times: Infinity,
  })
  expect(await exported(listNamed("Nobody yet"))).toEqual([])
  expect(fault.played).toBeGreaterThan(0)
})

test("members are exported whatever their ids are, with and without ids in the rows", async () => {
  const listId = listNamed("Five pages")
  sandbox.faults.add({
    match: { path: "/members" },
    action: { kind: "odd_page", oddity: "odd_ids" },
    times: Infinity,
  })
  const withoutId = (row: string) => {
    const { id: _, ...rest } = JSON.parse(row)
    return JSON.stringify(rest)
  }
  const sent = live(listId).map(withoutId)
  const rows = await exported(listId)
  // A row without a key may be repeated at a page boundary, because nothing distinguishes it from another row.
  expect(new Set(rows.map(withoutId))).toEqual(new Set(sent))
  const ids = new Set(rows.map((row) => JSON.parse(row).id))
  for (const id of ["", null, 12, undefined]) expect(ids.has(id)).toBe(true)
  expect(new Set(await exported(listId, "&exclude_fields=id"))).toEqual(new Set(sent))
})
