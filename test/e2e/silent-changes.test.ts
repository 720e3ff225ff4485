import { describe, expect, test } from "bun:test"
import { createExportCheck } from "../../src/dev/check-export.ts"
import type { ReceivedExport } from "../support/received-export.ts"
import { type SandboxAndService, startSandboxAndService } from "../support/sandbox-and-service.ts"

const exact = { missing: 0, stale: 0, backwards: 0, foreign: 0 }

/** Checks the rows of one or several exports, in the order in which they arrived, against what the lists held. */
function checkRows(
  pair: SandboxAndService,
  startedMs: number,
  rows: readonly string[],
  last: ReceivedExport,
) {
  const check = createExportCheck(pair.sandbox, pair.listIds, startedMs)
  for (const row of rows) check.take(row)
  const asOf = new Map(last.ofKind("end")[0]?.lists.map(({ id, as_of }) => [id, Date.parse(as_of ?? "")]))
  return check.report(Date.now(), (listId) => asOf.get(listId) ?? 0)
}

/** Reads up to a checkpoint after some rows, then disconnects. */
async function receiveUntilCheckpoint(pair: SandboxAndService, path: string, leastRows: number) {
  const whole = await pair.receive(path)
  const checkpoint = whole.ofKind("checkpoint").find(({ rows }) => rows >= leastRows)
  if (!checkpoint) throw new Error("no checkpoint")
  return { rows: whole.rows.slice(0, checkpoint.rows), cursor: checkpoint.cursor }
}

const lists = [
  { name: "Busy", count: 3000, imports: [450] },
  { name: "Other", count: 900, imports: [150] },
]

describe("rows change without last_changed", () => {
  test.each([
    ["20 silent changes", { silentEdits: 20 }],
    // Each request gives more rows the current second, and these take requests to read. Eight rows a request are too many:
    // one of twenty exports is short then, after up to 1,500 requests.
    ["20 silent changes among others", { silentEdits: 20, edits: 2, additions: 1, archives: 1 }],
  ])(
    "%s at every page: nothing is lost, the export ends and is not short",
    async (_, everyPage) => {
      await using pair = await startSandboxAndService({ lists })
      pair.sandbox.churn.start({ everyPage })
      const startedMs = Date.now()
      pair.sandbox.traffic.reset()
      const received = await pair.receive("/export?events=true")
      const requests = pair.sandbox.traffic.total
      expect(received.ofKind("end")).toMatchObject([{ status: "complete" }])
      expect(checkRows(pair, startedMs, received.rows, received)).toMatchObject(exact)
      // 40 full pages. How many more pages there are depends on how many changes happen while the list is read.
      expect(requests).toBeLessThan(200)
      const plain = await pair.receive("/export")
      expect([plain.status, plain.isBroken]).toEqual([200, false])
    },
    60_000,
  )

  test("an export that breaks and is resumed loses nothing, and neither does the next one", async () => {
    await using pair = await startSandboxAndService({ lists })
    pair.sandbox.churn.start({ everyPage: { silentEdits: 20, edits: 3 } })
    const startedMs = Date.now()
    const first = await receiveUntilCheckpoint(pair, "/export?events=true", 800)
    const second = await receiveUntilCheckpoint(pair, `/export?events=true&cursor=${first.cursor}`, 400)
    const last = await pair.receive(`/export?events=true&cursor=${second.cursor}`)
    expect(last.ofKind("end")).toMatchObject([{ status: "complete" }])
    const rows = [...first.rows, ...second.rows, ...last.rows]
    expect(checkRows(pair, startedMs, rows, last)).toMatchObject(exact)

    const next = await pair.receive(`/export?events=true&cursor=${last.ofKind("end")[0]?.cursor}`)
    expect(next.ofKind("end")).toMatchObject([{ status: "complete" }])
    expect(checkRows(pair, startedMs, [...rows, ...next.rows], next)).toMatchObject(exact)
  }, 60_000)

  test("all members of a tied second change at each of its pages", async () => {
    const members = Array.from({ length: 1200 }, (_, index) => ({
      email_address: `m${index}@example.com`,
      last_changed: "2025-06-01T12:00:00+00:00",
    }))
    await using pair = await startSandboxAndService({ lists: [{ name: "Tied", members }] })
    const [listId = ""] = pair.listIds
    const keys = [...pair.sandbox.truth(listId).members()].map(({ id }) => id)
    let rounds = 0
    pair.onRequest(({ path }) => {
      if (!path.endsWith("/members")) return
      rounds += 1
      for (const key of keys) pair.sandbox.changes.editSilently(listId, key, { member_rating: rounds })
    })
    const startedMs = Date.now()
    const received = await pair.receive("/export?events=true")
    expect(received.ofKind("end")).toMatchObject([{ status: "complete" }])
    expect(checkRows(pair, startedMs, received.rows, received)).toMatchObject(exact)
    expect(rounds).toBeLessThan(40)
  }, 60_000)

  test("while a count is permanently too high: the export still ends normally", async () => {
    await using pair = await startSandboxAndService({
      lists: [{ name: "People", count: 450 }],
      surplusItems: 1,
    })
    pair.sandbox.churn.start({ everyPage: { silentEdits: 20 } })
    const startedMs = Date.now()
    const received = await pair.receive("/export?events=true")
    expect(received.ofKind("end")).toMatchObject([{ status: "complete" }])
    expect(checkRows(pair, startedMs, received.rows, received)).toMatchObject(exact)
  }, 60_000)
})

describe("an empty page lacks its members", () => {
  test("lists without members, live or archived, are no fault, in each format and with fields", async () => {
    await using pair = await startSandboxAndService({
      lists: [
        { name: "Nobody" },
        { name: "People", members: [{ email_address: "one@example.com" }] },
        { name: "Archived", members: [{ email_address: "two@example.com", status: "archived" }] },
      ],
      omitsEmptyArrays: true,
    })
    const plain = await pair.receive("/export")
    expect([plain.status, plain.isBroken]).toEqual([200, false])
    expect(plain.rows).toEqual(pair.liveRows())
    const document = JSON.parse(await (await pair.get("/export?format=json&fields=email_address")).text())
    expect(document.data).toEqual([{ email_address: "one@example.com" }])
    const [nobody] = pair.listIds
    expect(await (await pair.get(`/export/${nobody}`)).text()).toBe("")
    expect((await pair.receive(`/export/${nobody}?count=10`)).rows).toEqual([])

    const whole = await pair.receive("/export?events=true&include=archived")
    expect(whole.ofKind("end")).toMatchObject([{ status: "complete", rows: 2 }])
    const added = pair.sandbox.changes.addMember(nobody ?? "")
    const cursor = whole.ofKind("end")[0]?.cursor
    const next = await pair.receive(`/export?events=true&include=archived&cursor=${cursor}`)
    expect(next.ofKind("end")).toMatchObject([{ status: "complete" }])
    expect(next.rows.map((row) => JSON.parse(row).id)).toEqual([added.id])
  }, 60_000)

  test("an incremental export after which nothing changed ends normally and is empty", async () => {
    await using pair = await startSandboxAndService({
      lists: [{ name: "People", count: 250 }],
      omitsEmptyArrays: true,
    })
    const whole = await pair.receive("/export?events=true")
    const next = await pair.receive(`/export?events=true&cursor=${whole.ofKind("end")[0]?.cursor}`)
    expect(next.ofKind("end")).toMatchObject([{ status: "complete", rows: 0 }])
  }, 60_000)
})
