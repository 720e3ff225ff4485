import { describe, expect, test } from "bun:test"
import { createExportCheck } from "../../../src/dev/check-export.ts"
import { md5 } from "../../../src/sandbox/members/member.ts"
import { createSandbox } from "../../../src/sandbox/sandbox.ts"

const listId = "aaaaaaaaaa"
const shared = md5("somebody@example.com")
const oddIds = ["", null, 4711, shared.toUpperCase(), shared, shared, undefined, "short", { id: 1 }] as const

function setUp() {
  const odd = oddIds.map((id, index) => ({ email_address: `m${index}@example.com`, id }))
  const members = [
    { email_address: "usual@example.com" },
    ...odd,
    { email_address: "" },
    { email_address: null },
    { email_address: "", sms_phone_number: "+15555550100" },
  ]
  const sandbox = createSandbox({
    gzip: false,
    accounts: [{ tokens: ["t"], lists: [{ id: listId, name: "A", members }] }],
  })
  const get = async (path: string) => {
    const headers = { authorization: "Bearer t" }
    const address = `http://sandbox/3.0/lists/${listId}/members${path}`
    return await sandbox.fetch(new Request(address, { headers }))
  }
  const read = async (query: string): Promise<Record<string, unknown>[]> =>
    JSON.parse(await (await get(`?count=100&sort_field=last_changed&${query}`)).text()).members
  return { sandbox, get, read }
}

const noLinks = "exclude_fields=members._links,_links"

describe("members with an odd id", () => {
  test("are in their list as seeded, each in its own row, and contacts without an address have an empty id", async () => {
    const { sandbox, read } = setUp()
    const rows = await read(noLinks)
    expect(rows.map(({ id }) => id)).toEqual([md5("usual@example.com"), ...oddIds, "", "", ""])
    expect(rows.slice(-3).map((row) => row["email_address"])).toEqual(["", null, ""])
    expect(Object.keys(rows[7]!)[0]).toBe("email_address")
    expect([...sandbox.truth(listId).members()].map(({ row }) => JSON.parse(row))).toEqual(rows)
    expect(new Set([...sandbox.truth(listId).members()].map(({ id }) => id)).size).toBe(rows.length)
  })

  test("have links like all others", async () => {
    const { read } = setUp()
    const [usual, ...others] = await read("")
    for (const row of others) {
      expect(Object.keys(row).at(-1)).toBe("_links")
      expect(row["_links"]).toHaveLength(Array.isArray(usual?.["_links"]) ? usual["_links"].length : 0)
    }
  })

  test("are changed, deleted and added by the key that the truth uses, and found by their address", async () => {
    const { sandbox, get, read } = setUp()
    const key = md5("m0@example.com")
    expect(sandbox.changes.editMember(listId, key, { id: "another", vip: true })).toMatchObject({
      id: "",
      vip: true,
    })
    expect(JSON.parse(await (await get(`/${key}?fields=id,vip`)).text())).toEqual({ id: "", vip: true })
    sandbox.changes.editSilently(listId, md5("m2@example.com"))
    const moved = sandbox.changes.changeEmail(listId, md5("m1@example.com"), "new@example.com")
    expect(JSON.stringify(moved)).toStartWith('{"id":null,')
    expect(sandbox.truth(listId).history(md5("m1@example.com")).at(-1)?.status).toBe("gone")
    sandbox.changes.deleteMember(listId, md5("m4@example.com"))
    sandbox.changes.addMember(listId, { email_address: "m4@example.com", id: "again" })
    sandbox.changes.addMember(listId, { email_address: "more@example.com", id: shared })
    const ids = (await read(noLinks)).map(({ id }) => id)
    expect(ids.filter((id) => id === shared)).toHaveLength(2)
    expect(ids).toContain("again")
    expect(() => sandbox.changes.addMember(listId, { email_address: "m4@example.com" })).toThrow("m4")
  })

  test("are compared with the truth by their key, not by their id", async () => {
    const { sandbox, read } = setUp()
    const check = createExportCheck(sandbox, [listId], Date.now())
    const rows = await read(noLinks)
    check.take(JSON.stringify({ ...rows[1], id: "made up" }))
    for (const row of rows.slice(1)) check.take(JSON.stringify(row))
    expect(check.report(Date.now(), () => Date.now())).toEqual({
      rows: rows.length,
      members: rows.length,
      missing: 1,
      stale: 0,
      backwards: 0,
      foreign: 1,
    })
  })
})
