import { describe, expect, test } from "bun:test"
import { createSandbox, type SandboxOptions } from "../../../src/sandbox/sandbox.ts"
import type { ListSeed } from "../../../src/sandbox/seeds.ts"

const listId = "aaaaaaaaaa"
const members = Array.from({ length: 10 }, (_, index) => ({
  email_address: `m${index}@example.com`,
  last_changed: `2024-03-01T00:00:0${index}+00:00`,
}))

function setUp(options: SandboxOptions = {}, list: Partial<ListSeed> = { members }) {
  const sandbox = createSandbox({
    ...options,
    gzip: false,
    accounts: [{ tokens: ["t"], lists: [{ id: listId, name: "A", ...list }] }],
  })
  const get = async (path: string) => {
    const headers = { authorization: "Bearer t" }
    const response = await sandbox.fetch(new Request(`http://sandbox/3.0${path}`, { headers }))
    expect(response.status).toBe(200)
    return JSON.parse(await response.text())
  }
  /** The numbers of the members on a page, and its count. */
  const page = async (query: string): Promise<[string, number]> => {
    const { members, total_items } = await get(`/lists/${listId}/members?sort_field=last_changed&${query}`)
    const names = members.map((row: { email_address: string }) => row.email_address.slice(1, 2))
    return [names.join(""), total_items]
  }
  const idOf = (number: number) => [...sandbox.truth(listId).members()][number]?.id ?? ""
  const hide = (number: number, from: "ASC" | "DESC" | "dated", leavesGap = false) => {
    sandbox.settings.hiddenRows = [{ listId, memberId: idOf(number), from, leavesGap }]
  }
  return { sandbox, get, page, hide }
}

const dated = "since_last_changed=2024-01-01"

describe("a count of members", () => {
  test("can be too high for every request, and too low, but not below 0", async () => {
    const { sandbox, page } = setUp({ surplusItems: 2 })
    expect(await page("count=3")).toEqual(["012", 12])
    expect(await page(`${dated}&before_last_changed=2024-03-01T00:00:04Z`)).toEqual(["01234", 7])
    expect(await page("status=archived")).toEqual(["", 2])
    sandbox.settings.surplusItems = -11
    expect(await page("count=3")).toEqual(["012", 0])
  })

  test("can be too high for only some requests", async () => {
    const { page } = setUp({ surplusItems: ({ query }) => (query.since === undefined ? 1 : 0) })
    expect([(await page(""))[1], (await page(dated))[1]]).toEqual([11, 10])
  })
})

describe("a row that is hidden", () => {
  test.each([
    ["ASC", ["012456789", "9876543210", "012456789"]],
    ["DESC", ["0123456789", "987654210", "0123456789"]],
    ["dated", ["0123456789", "9876543210", "012456789"]],
  ] as const)("from %s is missing from these listings, but counted", async (from, expected) => {
    const { page, hide } = setUp()
    hide(3, from)
    for (const [index, query] of ["sort_dir=ASC", "sort_dir=DESC", dated].entries())
      expect(await page(query)).toEqual([expected[index] ?? "", 10])
  })

  test("lets the later rows move up, or leaves a gap in its page", async () => {
    const { page, hide } = setUp()
    hide(3, "ASC")
    const pages = async () => [(await page("count=4"))[0], (await page("count=4&offset=4"))[0]]
    expect(await pages()).toEqual(["0124", "5678"])
    hide(3, "ASC", true)
    expect(await pages()).toEqual(["012", "4567"])
    hide(30, "ASC")
    expect(await pages()).toEqual(["0123", "4567"])
  })
})

test("an empty collection can lack its array, but a collection with members has it on each page", async () => {
  const { get } = setUp({ omitsEmptyArrays: true }, { members, mergeFields: [] })
  const total = "fields=members.id,total_items"
  expect(await get(`/lists/${listId}/members?status=archived&${total}`)).toEqual({ total_items: 0 })
  expect(await get(`/lists/${listId}/members?since_last_changed=2025-01-01&${total}`)).toEqual({
    total_items: 0,
  })
  expect(await get(`/lists/${listId}/members?offset=50&${total}`)).toEqual({ members: [], total_items: 10 })
  expect(await get(`/lists/${listId}/merge-fields?fields=merge_fields,total_items`)).toEqual({
    total_items: 0,
  })
  expect((await get("/lists?fields=lists.id")).lists).toEqual([{ id: listId }])
})

test("members can be dated ahead of the clock", async () => {
  const ahead = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+Z/, "+00:00")
  const { page } = setUp(
    {},
    { members: [...members, { email_address: "mX@example.com", last_changed: ahead }] },
  )
  expect(await page(`since_last_changed=${encodeURIComponent(new Date().toISOString())}`)).toEqual(["X", 1])
  expect(await page("count=1&sort_dir=DESC")).toEqual(["X", 11])
})
