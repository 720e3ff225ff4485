import { describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { otherMemberFilters } from "../../../src/sandbox/api/members-query.ts"
import { createSandbox, type SandboxOptions } from "../../../src/sandbox/sandbox.ts"
import type { ListSeed } from "../../../src/sandbox/seeds.ts"
import { createVirtualClock } from "../../support/virtual-clock.ts"

type Row = Record<string, unknown> & { id: string; status: string; last_changed: string }
type Page = { members: Row[]; total_items: number; list_id: string }

const listId = "aaaaaaaaaa"

function setUp(list: Partial<ListSeed> = {}, options: SandboxOptions = {}) {
  const sandbox = createSandbox({
    gzip: false,
    ...options,
    accounts: [{ tokens: ["t"], lists: [{ id: listId, name: "A", ...list }] }],
  })
  const get = async (query: string) =>
    sandbox.fetch(
      new Request(`http://sandbox/3.0/lists/${listId}/members?${query}`, {
        headers: { authorization: "Bearer t" },
      }),
    )
  const page = async (query: string): Promise<Page> => {
    const response = await get(query)
    expect(response.status).toBe(200)
    return JSON.parse(await response.text())
  }
  return { sandbox, get, page }
}

const at = (second: number) => `2024-03-01T00:00:${String(second).padStart(2, "0")}+00:00`
const members = Array.from({ length: 20 }, (_, index) => ({
  email_address: `m${index}@example.com`,
  last_changed: at(index),
  timestamp_opt: at(59 - index),
}))

describe("a page of members", () => {
  test("has ten rows by default, at most a thousand, and none past the end", async () => {
    const { page } = setUp({ count: 1500 })
    expect((await page("")).members).toHaveLength(10)
    expect((await page("count=5000")).members).toHaveLength(1000)
    const past = await page("count=10&offset=5000")
    expect(past.members).toEqual([])
    expect(past.total_items).toBeGreaterThan(1200)
  })

  test("is compact, members first and total_items after them, keys in the recorded order", async () => {
    const { get } = setUp({ count: 3 })
    const text = await (await get("status=subscribed&exclude_fields=_links,members._links")).text()
    expect(text).toStartWith('{"members":[{"id":"')
    expect(text).toMatch(/\}\],"list_id":"aaaaaaaaaa","total_items":\d+\}$/)
    expect(JSON.stringify(JSON.parse(text))).toBe(text)
    const keys = Object.keys(JSON.parse(text).members[0]).join(" ")
    expect(keys).toStartWith("id email_address unique_email_id contact_id full_name web_id email_type status")
    expect(keys).toEndWith("source tags_count tags list_id")
  })

  test("contains every member exactly once over all pages, whatever the sorting", async () => {
    const { page } = setUp({ count: 2300, imports: [700] })
    for (const sort of ["", "&sort_field=last_changed", "&sort_field=timestamp_opt&sort_dir=DESC"]) {
      const ids = new Set<string>()
      let total = 0
      for (let offset = 0; offset < 2300; offset += 100) {
        const found = await page(`count=100&offset=${offset}${sort}`)
        total = found.total_items
        for (const { id } of found.members) ids.add(id)
      }
      expect(ids.size).toBe(total)
    }
  })

  test("sorts by last_changed and timestamp_opt, both ways", async () => {
    const { page } = setUp({ members })
    const first = async (query: string) => (await page(`count=1&${query}`)).members[0]?.["email_address"]
    expect(await first("sort_field=last_changed")).toBe("m0@example.com")
    expect(await first("sort_field=last_changed&sort_dir=DESC")).toBe("m19@example.com")
    expect(await first("sort_field=timestamp_opt&sort_dir=ASC")).toBe("m19@example.com")
    expect(await first("sort_field=last_changed&sort_dir=DESC&offset=3")).toBe("m16@example.com")
  })

  test("has exactly the bytes of the truth in its rows, even hostile strings", async () => {
    const { sandbox, get } = setUp({ count: 30, hostile: true })
    const text = await (await get("count=1000&exclude_fields=members._links,_links")).text()
    const live = [...sandbox.truth(listId).members()].filter(({ status }) => status !== "archived")
    expect(JSON.parse(text).members).toHaveLength(live.length)
    for (const { row } of live) expect(text).toContain(row)
    expect(text).toContain(String.raw`\ud800`)
    expect(text).toContain(String.raw`\u0000`)
    expect(text).toContain("\u2028")
  })

  test("has links that name the member, only if they are selected", async () => {
    const { page } = setUp({ members })
    const [row] = (await page("count=1")).members
    expect(JSON.stringify(row?.["_links"])).toContain(`/lists/${listId}/members/${row?.id}`)
    expect((await page("count=1&exclude_fields=members._links")).members[0]).not.toHaveProperty("_links")
    const full = (await page("count=20")).members[0]!
    expect(JSON.stringify(full).length).toBeGreaterThan(2500)
  })
})

describe("filters", () => {
  test("since is exclusive, before is inclusive, and total_items follows", async () => {
    const { page } = setUp({ members })
    for (const sort of ["&sort_field=last_changed", "", "&sort_field=timestamp_opt"]) {
      const found = await page(
        `count=100&since_last_changed=${encodeURIComponent(at(4))}&before_last_changed=${encodeURIComponent(at(7))}${sort}`,
      )
      expect(found.members.map(({ last_changed }) => last_changed).toSorted()).toEqual([at(5), at(6), at(7)])
      expect(found.total_items).toBe(3)
    }
    const first = await page(`count=1&since_last_changed=2024-03-01T00:00:04.900Z&sort_field=last_changed`)
    expect(first.members[0]?.last_changed).toBe(at(5))
    expect(first.total_items).toBe(15)
  })

  test("archived members are hidden unless a request selects them", async () => {
    const { sandbox, page } = setUp({ members })
    const [row] = (await page("count=1")).members
    sandbox.changes.archiveMember(listId, row!.id)
    expect((await page("count=100")).total_items).toBe(19)
    expect((await page("count=100&status=archived")).members.map(({ id }) => id)).toEqual([row!.id])
    sandbox.changes.unarchiveMember(listId, row!.id)
    expect((await page("count=100")).total_items).toBe(20)
    expect((await page("status=archived")).total_items).toBe(0)
  })

  test("status narrows the list", async () => {
    const { page } = setUp({
      members: [
        { email_address: "a@example.com" },
        { email_address: "b@example.com", status: "unsubscribed" },
      ],
    })
    const found = await page("status=unsubscribed")
    expect(found.members.map(({ email_address }) => email_address)).toEqual(["b@example.com"])
    expect((await page("")).total_items).toBe(2)
  })

  test.each([
    ["count=-1", "count"],
    ["count=ten", "count"],
    ["offset=1.5", "offset"],
    ["status=nobody", "status"],
    ["sort_field=email_address", "sort_field"],
    ["sort_dir=UP", "sort_dir"],
    ["since_last_changed=yesterday", "since_last_changed"],
    ["before_last_changed=2024-03-01T00:00:00+00:00", "before_last_changed"],
    ["since_last_changed=2024-13-01", "since_last_changed"],
    ["fields=members.id&exclude_fields=members.vip", "fields"],
    ...otherMemberFilters.map((name) => [`${name}=true`, name] as const),
  ])("%s is a 400 that names %s", async (query, field) => {
    const response = await setUp({ members }).get(query)
    expect(response.status).toBe(400)
    const body = JSON.parse(await response.text())
    expect(body.title).toBe("Invalid Resource")
    expect(body.errors.map((error: { field: string }) => error.field)).toContain(field)
  })
})

describe("partial responses", () => {
  test("fields keeps the named fields, relative to the envelope, and ignores unknown names", async () => {
    const { page } = setUp({ members })
    const found = await page("count=1&fields=members.id,members.merge_fields.FNAME,total_items,nonsense")
    expect(Object.keys(found)).toEqual(["members", "total_items"])
    expect(Object.keys(found.members[0]!)).toEqual(["id", "merge_fields"])
    expect(found.members[0]?.["merge_fields"]).toEqual({ FNAME: "" })
    expect(Object.keys(await page("fields=members.id"))).toEqual(["members"])
  })

  test("exclude_fields removes the named fields, and without the prefix the address stays", async () => {
    const { page } = setUp({ members })
    const found = await page(
      "count=1&exclude_fields=members.email_address,members.merge_fields.PHONE,total_items",
    )
    expect(found).not.toHaveProperty("total_items")
    expect(found.members[0]).not.toHaveProperty("email_address")
    expect(found.members[0]?.["merge_fields"]).not.toHaveProperty("PHONE")
    expect(found.members[0]?.["merge_fields"]).toHaveProperty("FNAME")
    expect((await page("count=1&exclude_fields=email_address")).members[0]).toHaveProperty("email_address")
    expect(await page("exclude_fields=members")).not.toHaveProperty("members")
  })
})

const rowsOfSeed = (seed: number) => [...setUp({ count: 3000 }, { seed }).sandbox.truth(listId).members()]

describe("the seed", () => {
  test("gives the same members each time, in realistic proportions, each id the MD5 of its address", () => {
    const first = rowsOfSeed(1)
    expect(rowsOfSeed(1)).toEqual(first)
    expect(rowsOfSeed(2)).not.toEqual(first)
    expect(new Set(first.map(({ id }) => id)).size).toBe(3000)
    const shares = Object.groupBy(first, ({ status }) => status)
    expect(shares.subscribed!.length).toBeGreaterThan(1800)
    expect(shares.archived!.length).toBeGreaterThan(200)
    expect(Object.keys(shares).toSorted()).toEqual([
      "archived",
      "cleaned",
      "pending",
      "subscribed",
      "transactional",
      "unsubscribed",
    ])
    for (const { id, row } of first.slice(0, 50)) {
      const { email_address } = JSON.parse(row)
      expect(createHash("md5").update(email_address.toLowerCase()).digest("hex")).toBe(id)
    }
    const withMany = first.map(({ row }) => JSON.parse(row)).filter(({ tags_count }) => tags_count > 50)
    expect(withMany.length).toBeGreaterThan(0)
    for (const { tags } of withMany) expect(tags).toHaveLength(50)
    const mean = first.reduce((sum, { row }) => sum + Buffer.byteLength(row), 0) / first.length
    expect(mean).toBeWithin(780, 960)
  })

  test("has bulk imports of one second, larger than a page if requested", async () => {
    const { page, sandbox } = setUp({ count: 3000, imports: [1300] })
    const seconds = Object.values(
      Object.groupBy([...sandbox.truth(listId).members()], (member) => member.lastChanged),
    )
    const largest = Math.max(...seconds.map((group) => group?.length ?? 0))
    expect(largest).toBeGreaterThanOrEqual(1300)
    expect((await page("count=1")).total_items).toBeGreaterThan(2500)
  })
})

test("a change is visible only after the visibility delay, with the time of the change", async () => {
  const clock = createVirtualClock()
  const { sandbox, page } = setUp({ members }, { clock, visibilityDelayMs: 3000 })
  const member = sandbox.changes.addMember(listId, { email_address: "late@example.com" })
  sandbox.changes.deleteMember(listId, (await page("count=1")).members[0]!.id)
  await clock.advance(2999)
  expect((await page("")).total_items).toBe(20)
  await clock.advance(1)
  const found = await page("count=100&sort_field=last_changed&sort_dir=DESC")
  expect(found.total_items).toBe(20)
  expect(found.members[0]?.id).toBe(member.id)
  expect(found.members[0]?.last_changed).toBe("2024-05-01T12:00:00+00:00")
})

test("a page may be read before its latency or after it", async () => {
  for (const [evaluate, rows] of [
    ["before-latency", 20],
    ["after-latency", 21],
  ] as const) {
    const clock = createVirtualClock()
    const { sandbox, page } = setUp({ members }, { clock, evaluate, latencyMs: 500 })
    const requested = page("count=100")
    await clock.advance(250)
    sandbox.changes.addMember(listId)
    const found = await clock.settle(requested)
    expect([evaluate, found.members.length, found.total_items]).toEqual([evaluate, rows, rows])
  }
})

test("two servers date their responses a second apart, in turn", async () => {
  const { get } = setUp({ members }, { clock: createVirtualClock(), serverSkewsMs: [0, 1000] })
  const dates = [await get(""), await get("")].map(({ headers }) => Date.parse(headers.get("date") ?? ""))
  expect(Math.abs(dates[1]! - dates[0]!)).toBe(1000)
})

test("the counts of a list are at most five minutes old, and include only subscribed members", async () => {
  const clock = createVirtualClock()
  const { sandbox } = setUp({ members }, { clock })
  const count = async () => {
    const response = await sandbox.fetch(
      new Request("http://sandbox/3.0/lists", { headers: { authorization: "Bearer t" } }),
    )
    return JSON.parse(await response.text()).lists[0].stats.member_count
  }
  expect(await count()).toBe(20)
  sandbox.changes.addMember(listId)
  expect(await count()).toBe(20)
  await clock.advance(300_000)
  expect(await count()).toBe(21)
})
