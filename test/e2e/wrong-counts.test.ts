import { describe, expect, test } from "bun:test"
import type { ReceivedExport } from "../support/received-export.ts"
import {
  differenceOf,
  noDifference,
  type SandboxAndService,
  startSandboxAndService,
} from "../support/sandbox-and-service.ts"

const five = Array.from({ length: 5 }, (_, index) => ({
  email_address: `m${index}@example.com`,
  last_changed: `2025-06-01T12:00:0${index}+00:00`,
}))

type Surplus = SandboxAndService["sandbox"]["settings"]["surplusItems"]

const surpluses: readonly (readonly [string, Surplus, number])[] = [
  ["one too high in all requests", 1, 1],
  ["three too high in all requests", 3, 3],
  ["one too high without a date filter", ({ query }) => (isDated(query) ? 0 : 1), 1],
]

describe("total_items is permanently too high, for five members", () => {
  test.each(surpluses)(
    "%s: each arrives once, and the end is complete and reports the difference",
    async (_, surplus, differs) => {
      await using pair = await startSandboxAndService({
        lists: [{ name: "People", members: five }],
        surplusItems: surplus,
      })
      pair.sandbox.traffic.reset()
      const received = await pair.receive("/export?events=true")
      const requests = pair.sandbox.traffic.total
      expect(received.rows).toHaveLength(5)
      expect(differenceOf(received.rows, pair.liveRows())).toEqual(noDifference)
      expect(received.ofKind("end")).toMatchObject([{ status: "complete", rows: 5 }])
      expect(countsThatDiffer(received)).toEqual([differs])
      expect(requests).toBeLessThanOrEqual(10)
      await expectNextExportGood(pair, "/export?events=true", received)
    },
    30_000,
  )

  test("several statuses are checked as well, by the count of all members", async () => {
    const members = five.map((member, index) => ({
      ...member,
      status: index < 3 ? ("cleaned" as const) : ("unsubscribed" as const),
    }))
    await using pair = await startSandboxAndService({
      lists: [{ name: "People", members: [...members, { email_address: "subscribed@example.com" }] }],
      surplusItems: 1,
    })
    const received = await pair.receive("/export?events=true&status=subscribed,cleaned")
    expect(received.rows.map((row) => JSON.parse(row).status).toSorted()).toEqual([
      "cleaned",
      "cleaned",
      "cleaned",
      "subscribed",
    ])
    expect(received.ofKind("end")).toMatchObject([{ status: "complete", rows: 4 }])
    expect(countsThatDiffer(received)).toEqual([1])
  }, 30_000)

  test.each(surpluses)(
    "%s: a plain export ends normally, in NDJSON and as JSON",
    async (_, surplus) => {
      await using pair = await startSandboxAndService({
        lists: [{ name: "People", members: five }],
        surplusItems: surplus,
      })
      pair.sandbox.traffic.reset()
      const received = await pair.receive("/export")
      expect(pair.sandbox.traffic.total).toBeLessThanOrEqual(10)
      expect([received.status, received.isBroken]).toEqual([200, false])
      expect(received.rows).toHaveLength(5)
      expect(differenceOf(received.rows, pair.liveRows())).toEqual(noDifference)
      const document = JSON.parse(await (await pair.get("/export?format=json")).text())
      expect(document.data).toHaveLength(5)
    },
    30_000,
  )
})

describe("total_items is permanently too high, for a list of several pages", () => {
  const lists = [
    { name: "People", count: 700, imports: [250] },
    { name: "Others", count: 150 },
  ]

  test("with a tied second and archived members: each arrives once, the end is complete", async () => {
    await using pair = await startSandboxAndService({ lists, surplusItems: 1 })
    const received = await pair.receive("/export?events=true&include=archived")
    expect(received.ofKind("end")).toMatchObject([{ status: "complete" }])
    const all = pair.listIds.flatMap((id) => [...pair.sandbox.truth(id).members()].map(({ row }) => row))
    expect(received.rows).toHaveLength(all.length)
    expect(differenceOf(received.rows, all)).toEqual(noDifference)
    expect(countsThatDiffer(received).length).toBeGreaterThan(0)
    await expectNextExportGood(pair, "/export?events=true&include=archived", received)

    const plain = await pair.receive("/export")
    expect(plain.isBroken).toBe(false)
    expect(differenceOf(plain.rows, pair.liveRows())).toEqual(noDifference)
  }, 30_000)

  test("for archived members only: the count of live members is not reported as different", async () => {
    await using pair = await startSandboxAndService({
      lists: [{ name: "People", count: 400 }],
      surplusItems: ({ query }) => (query.population === "archived" ? 2 : 0),
    })
    const received = await pair.receive("/export?events=true&include=archived")
    expect(received.ofKind("end")).toMatchObject([{ status: "complete" }])
    expect(countsThatDiffer(received)).toEqual([2])
    const live = await pair.receive("/export?events=true")
    expect(live.ofKind("end")).toMatchObject([{ status: "complete" }])
    expect(countsThatDiffer(live)).toEqual([])
  }, 30_000)

  test("with fields that exclude the id and the date: each arrives once", async () => {
    await using pair = await startSandboxAndService({ lists, surplusItems: 1 })
    const received = await pair.receive("/export?fields=email_address")
    expect(received.isBroken).toBe(false)
    expect(received.rows).toHaveLength(pair.liveRows().length)
    expect(new Set(received.rows).size).toBe(received.rows.length)
  }, 30_000)

  test("a resumed export and the next incremental one are complete as well", async () => {
    await using pair = await startSandboxAndService({ lists, surplusItems: 1 })
    const whole = await pair.receive("/export?events=true")
    const [checkpoint] = whole.ofKind("checkpoint")
    const resumed = await pair.receive(`/export?events=true&cursor=${checkpoint?.cursor}`)
    expect(resumed.ofKind("end")).toMatchObject([{ status: "complete" }])
    const rows = [...whole.rows.slice(0, checkpoint?.rows), ...resumed.rows]
    expect(differenceOf(rows, pair.liveRows())).toEqual(noDifference)
    await expectNextExportGood(pair, "/export?events=true", resumed)
  }, 30_000)
})

describe("total_items is permanently too low", () => {
  const oneSecond = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      email_address: `m${index}@example.com`,
      last_changed: "2025-06-01T12:00:00+00:00",
    }))

  test.each([
    ["by one, for dates of their own", { count: 350 }, -1],
    ["by one, for a tied second", { members: oneSecond(250) }, -1],
    ["by one, for a tied second whose last page has one member", { members: oneSecond(201) }, -1],
    ["by one, for five members", { members: five }, -1],
    ["by all, for five members", { members: five }, -5],
  ] as const)(
    "%s: all are there, and the end is complete",
    async (_, list, surplus) => {
      await using pair = await startSandboxAndService({
        lists: [{ name: "People", ...list }],
        surplusItems: surplus,
      })
      const received = await pair.receive("/export?events=true")
      expect(received.ofKind("end")).toMatchObject([{ status: "complete" }])
      expect(differenceOf(received.rows, pair.liveRows())).toEqual(noDifference)
      expect((await pair.receive("/export")).isBroken).toBe(false)
    },
    30_000,
  )
})

describe("a row is counted but hidden", () => {
  test.each([
    ["in ascending order", five, "ASC", 0, false],
    ["in ascending order, from a list of several pages", undefined, "ASC", 0, false],
    ["in ascending order, with a gap in its page", undefined, "ASC", 0, true],
    ["in descending order, while another count is wrong", five, "DESC", 1, false],
    ["in descending order, from a list of several pages with a wrong count", undefined, "DESC", 1, false],
  ] as const)(
    "%s: the export is short, and a plain export breaks",
    async (_, members, from, surplus, leavesGap) => {
      await using pair = await startHiding({ members, from, leavesGap })
      pair.sandbox.settings.surplusItems = surplus
      const received = await pair.receive("/export?events=true")
      expect(received.isBroken).toBe(false)
      expect(received.ofKind("end")).toMatchObject([{ status: "short", lists: [{ short: true }] }])
      expect(differenceOf(received.rows, pair.liveRows())).toMatchObject({ foreign: 0 })
      expect((await pair.receive("/export")).isBroken).toBe(true)
    },
    60_000,
  )

  test.each([
    ["in descending order", "DESC", false],
    ["with a date filter", "dated", false],
    ["with a date filter, with a gap in its page", "dated", true],
  ] as const)(
    "only %s: it is there, and the end is complete",
    async (_, from, leavesGap) => {
      await using pair = await startHiding({ members: undefined, from, leavesGap })
      const received = await pair.receive("/export?events=true")
      expect(received.ofKind("end")).toMatchObject([{ status: "complete" }])
      expect(differenceOf(received.rows, pair.liveRows())).toEqual(noDifference)
      expect((await pair.receive("/export")).isBroken).toBe(false)
    },
    60_000,
  )
})

async function startHiding({
  members,
  from,
  leavesGap,
}: {
  members: typeof five | undefined
  from: "ASC" | "DESC" | "dated"
  leavesGap: boolean
}) {
  const pair = await startSandboxAndService({
    lists: [{ name: "People", ...(members ? { members } : { count: 350 }) }],
  })
  const [listId = ""] = pair.listIds
  const rows = pair.liveRows().toSorted((one, other) => changedOf(one).localeCompare(changedOf(other)))
  // Far from both ends, and from the first page.
  const memberId = JSON.parse(rows[Math.floor(rows.length / 2)] ?? "").id
  pair.sandbox.settings.hiddenRows = [{ listId, memberId, from, leavesGap }]
  return pair
}

/** The export that continues this one is complete as well, has what changed, and does not read everything again. */
async function expectNextExportGood(pair: SandboxAndService, path: string, received: ReceivedExport) {
  const added = pair.sandbox.changes.addMember(pair.listIds[0] ?? "")
  const next = await pair.receive(`${path}&cursor=${received.ofKind("end")[0]?.cursor}`)
  expect(next.ofKind("end")).toMatchObject([{ status: "complete" }])
  expect(next.rows.map((row) => JSON.parse(row).id)).toContain(added.id)
  expect(next.rows.length).toBeLessThan(30)
}

/** By how many each count differs, in the end line or in its lists. */
function countsThatDiffer(received: ReceivedExport): number[] {
  const [end] = received.ofKind("end")
  const inEnd = end?.count_differs === undefined ? [] : [end.count_differs]
  const inLists = (end?.lists ?? []).flatMap(({ count_differs: count }) =>
    count === undefined ? [] : [count],
  )
  return inEnd.length > 0 ? inEnd : inLists
}

function changedOf(row: string): string {
  return JSON.parse(row).last_changed
}

function isDated({ since, before }: { since: number | undefined; before: number | undefined }): boolean {
  return since !== undefined || before !== undefined
}
