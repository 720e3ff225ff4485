import { afterAll, expect, test } from "bun:test"
import { startSandbox } from "../../../src/sandbox/serve.ts"

const mailchimp = startSandbox({
  accounts: [{ tokens: ["token"], lists: [{ name: "List", count: 20, hostile: true }] }],
})
afterAll(mailchimp.stop)
const [account] = mailchimp.sandbox.state.accounts
const path = `/${account?.dc}/3.0/lists/${account?.lists[0]?.id}/members`

async function read(query: string): Promise<string> {
  const url = `${mailchimp.url}${path}?count=100&${query}`
  return await (await fetch(url, { headers: { authorization: "Bearer token" } })).text()
}

test("a page of selected fields stays the same when repeated, and after another selection", async () => {
  const whole = JSON.parse(await read("exclude_fields=members._links,_links"))
  const rows = (names: readonly string[]) =>
    whole.members.map((row: Record<string, unknown>) =>
      Object.fromEntries(Object.entries(row).filter(([name]) => names.includes(name))),
    )
  const queries = { id: ["id"], status: ["id", "status"], merge_fields: ["merge_fields"] }
  for (const names of [...Object.values(queries), ...Object.values(queries)]) {
    const fields = [...names.map((name) => `members.${name}`), "total_items"].join(",")
    for (const _ of [1, 2])
      expect(await read(`fields=${fields}`)).toBe(
        JSON.stringify({ members: rows(names), total_items: whole.total_items }),
      )
  }
  expect(await read("fields=total_items")).toBe(JSON.stringify({ total_items: whole.total_items }))
})
