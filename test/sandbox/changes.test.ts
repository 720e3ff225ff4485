import { describe, expect, test } from "bun:test"
import { createExportCheck } from "../../src/dev/check-export.ts"
import { createSandbox, type SandboxOptions } from "../../src/sandbox/sandbox.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

const listId = "aaaaaaaaaa"

function setUp(count: number, options: SandboxOptions = {}) {
  const clock = createVirtualClock()
  const sandbox = createSandbox({
    clock,
    gzip: false,
    ...options,
    accounts: [{ tokens: ["t"], lists: [{ id: listId, name: "A", count }] }],
  })
  const read = async (query: string) => {
    const response = await sandbox.fetch(
      new Request(`http://sandbox/3.0/lists/${listId}/members?exclude_fields=members._links&${query}`, {
        headers: { authorization: "Bearer t" },
      }),
    )
    const page: { members: { id: string }[]; total_items: number } = JSON.parse(await response.text())
    return page
  }
  const truth = sandbox.truth(listId)
  return { clock, sandbox, read, truth, present: () => [...truth.members()] }
}

describe("changes", () => {
  test("an edit moves last_changed to now and keeps the rest, and the old version is remembered", async () => {
    const { clock, sandbox, truth, present } = setUp(5)
    const [before] = present()
    const start = clock.now()
    await clock.advance(1500)
    sandbox.changes.editMember(listId, before!.id, { merge_fields: { FNAME: "Neu" }, vip: true })
    const row = JSON.parse(truth.history(before!.id).at(-1)!.row)
    const old = JSON.parse(before!.row)
    expect(row).toEqual({
      ...old,
      vip: true,
      merge_fields: { ...old.merge_fields, FNAME: "Neu" },
      last_changed: "2024-05-01T12:00:01+00:00",
    })
    expect(Object.keys(row)).toEqual(Object.keys(old))
    expect(truth.history(before!.id)[0]?.row).toBe(before!.row)
    expect(truth.history(before!.id).map(({ at }) => at)).toEqual([-Infinity, start + 1500])
  })

  test("a changed address means another id, and a deleted member is nowhere", async () => {
    const { sandbox, read, truth, present } = setUp(5)
    const [first, second] = present().filter(({ status }) => status !== "archived")
    const moved = sandbox.changes.changeEmail(listId, first!.id, "New.Address@example.com")
    sandbox.changes.deleteMember(listId, second!.id)
    const ids = present().map(({ id }) => id)
    expect(ids).toContain(moved.id)
    expect(ids).not.toContain(first!.id)
    expect(ids).not.toContain(second!.id)
    expect(truth.history(first!.id).at(-1)?.status).toBe("gone")
    expect(moved["contact_id"]).toBe(JSON.parse(first!.row).contact_id)
    const shown = (await read("count=100")).members.map(({ id }) => id)
    expect(shown).not.toContain(second!.id)
    expect(() => sandbox.changes.editMember(listId, second!.id)).toThrow(second!.id)
    expect(() => sandbox.changes.addMember(listId, { email_address: "new.address@example.com" })).toThrow()
    const again = sandbox.changes.addMember(listId, { email_address: JSON.parse(second!.row).email_address })
    expect(again.id).toBe(second!.id)
  })

  test("a silent change is another row with the same last_changed, and no newer version to an export", async () => {
    const { clock, sandbox, read, truth, present } = setUp(5)
    const before = present().find(({ status }) => status !== "archived")
    const old = JSON.parse(before!.row)
    const startedMs = clock.now()
    await clock.advance(1500)
    sandbox.changes.editSilently(listId, before!.id, { tags: [], last_changed: "2030-01-01T00:00:00+00:00" })
    expect(JSON.parse(truth.history(before!.id).at(-1)!.row)).toEqual({ ...old, tags: [] })
    const second = old.last_changed.replace("+00:00", "Z")
    const found = await read(`since_last_changed=2000-01-01&before_last_changed=${second}&count=1000`)
    expect(found.members).toContainEqual({ ...old, tags: [] })
    expect(truth.history(before!.id).map(({ isSilent }) => isSilent)).toEqual([false, true])
    const rated = sandbox.changes.editSilently(listId, before!.id)
    expect(rated["member_rating"]).not.toBe(old.member_rating)

    const report = (rows: readonly string[]) => {
      const check = createExportCheck(sandbox, [listId], startedMs)
      for (const row of rows) check.take(row)
      return check.report(clock.now(), () => clock.now())
    }
    const others = present().flatMap(({ id, row }) => (id === before!.id ? [] : [row]))
    const rows = truth.history(before!.id).map(({ row }) => row)
    const good = { missing: 0, stale: 0, backwards: 0, foreign: 0 }
    for (const row of rows) expect(report([...others, row])).toMatchObject(good)
    expect(report([...others, ...rows.toReversed()])).toMatchObject(good)
    sandbox.changes.editMember(listId, before!.id)
    expect(report([...others, rows[2]!])).toMatchObject({ ...good, stale: 1 })
  })
})

describe("the truth", () => {
  test("knows which members were in the list throughout an interval", async () => {
    const { clock, sandbox, truth, present } = setUp(20)
    const live = present().filter(({ status }) => status !== "archived")
    const [early, late, edited, archived] = live
    sandbox.changes.deleteMember(listId, early!.id)
    await clock.advance(1000)
    const from = clock.now()
    await clock.advance(1000)
    sandbox.changes.editMember(listId, edited!.id)
    sandbox.changes.archiveMember(listId, archived!.id)
    const joined = sandbox.changes.addMember(listId)
    await clock.advance(1000)
    const to = clock.now()
    await clock.advance(1000)
    sandbox.changes.deleteMember(listId, late!.id)

    const during = [...truth.presentDuring(from, to)]
    expect(during).toHaveLength(19)
    expect(during).toContain(late!.id)
    expect(during).toContain(edited!.id)
    expect(during).toContain(archived!.id)
    expect(during).not.toContain(early!.id)
    expect(during).not.toContain(joined.id)
    expect([...truth.presentDuring(from, clock.now())]).not.toContain(late!.id)
  })
})

/** Reads five pages, four of them under churn. */
async function runChurn(seed: number) {
  const { sandbox, read, present } = setUp(500, { seed: 3 })
  sandbox.churn.start({
    everyPage: { edits: 5, deletions: 1, additions: 2, archives: 1, unarchives: 1, emailChanges: 1 },
    seed,
  })
  for (let offset = 0; offset < 400; offset += 100) await read(`count=100&offset=${offset}`)
  sandbox.churn.stop()
  await read("count=100")
  return { made: sandbox.churn.made, rows: present().map(({ row }) => row) }
}

describe("churn", () => {
  test("changes the list at every page that is read, and the same way for the same seed", async () => {
    const first = await runChurn(1)
    expect(first.made).toEqual({
      edits: 20,
      deletions: 4,
      additions: 8,
      archives: 4,
      unarchives: 4,
      emailChanges: 4,
      silentEdits: 0,
      unsubscribes: 0,
    })
    expect(first.rows).toHaveLength(504)
    expect(await runChurn(1)).toEqual(first)
    expect((await runChurn(2)).rows).not.toEqual(first.rows)
  })

  test("makes silent changes as well", async () => {
    const { sandbox, read, truth, present } = setUp(50)
    sandbox.churn.start({ everyPage: { silentEdits: 3 } })
    await read("count=10")
    expect(sandbox.churn.made.silentEdits).toBe(3)
    const silent = present().flatMap(({ id }) => truth.history(id).filter(({ isSilent }) => isSilent))
    expect(silent).toHaveLength(3)
  })

  test("keeps every index consistent with the truth", async () => {
    const { sandbox, read, present } = setUp(2000)
    await read("count=1&sort_field=last_changed")
    await read("count=1&status=archived&sort_field=timestamp_opt")
    sandbox.churn.start({
      everyPage: { edits: 20, deletions: 5, additions: 9, archives: 5, unarchives: 3, emailChanges: 2 },
    })
    for (let page = 0; page < 60; page++) await read("count=1")
    sandbox.churn.stop()
    for (const [query, isIn] of [
      ["sort_field=last_changed", (status: string) => status !== "archived"],
      ["sort_field=timestamp_opt", (status: string) => status !== "archived"],
      ["status=archived&sort_field=timestamp_opt", (status: string) => status === "archived"],
      ["status=subscribed&sort_field=last_changed", (status: string) => status === "subscribed"],
    ] as const) {
      const expected = present().filter(({ status }) => isIn(status))
      const found: string[] = []
      for (let offset = 0; offset < expected.length; offset += 1000) {
        found.push(...(await read(`count=1000&offset=${offset}&${query}`)).members.map(({ id }) => id))
      }
      expect(found.toSorted()).toEqual(expected.map(({ id }) => id).toSorted())
    }
  })
})
