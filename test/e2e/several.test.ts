import { afterAll, describe, expect, test } from "bun:test"
import { listIdOf, startSandboxAndService } from "../support/sandbox-and-service.ts"

const pair = await startSandboxAndService({
  lists: ["Tea", "Jam", "Bread"].map((name) => ({ name, count: 400 })),
})
const { receive, sandbox, listIds, get } = pair
const [tea = "", jam = "", bread = ""] = listIds
afterAll(() => pair[Symbol.asyncDispose]())

const truthOf = (statuses: readonly string[], lists = listIds) =>
  lists
    .flatMap((id) => [...sandbox.truth(id).members()])
    .flatMap(({ status, row }) => (statuses.includes(status) ? [row] : []))
    .toSorted()
const problemOf = async (path: string) => (await get(path)).json()

describe("several statuses", () => {
  test.each([
    "subscribed,cleaned",
    "cleaned,unsubscribed",
    "subscribed,archived",
    "cleaned,pending,archived",
  ])("status=%s gives exactly their members, and the counts agree", async (status) => {
    const { rows, ofKind } = await receive(`/export?status=${status}&events=true`)
    expect(rows.toSorted()).toEqual(truthOf(status.split(",")))
    const [end] = ofKind("end")
    expect(end).toMatchObject({ status: "complete", rows: rows.length })
    expect(end?.lists.map((list) => list.rows)).toEqual(
      listIds.map((id) => rows.filter((row) => listIdOf(row) === id).length),
    )
  })

  test("counts none of Mailchimp's, which are of all statuses, unless one status needs no dropping", async () => {
    const [several, one] = await Promise.all([
      receive("/export?status=subscribed,cleaned&events=true"),
      receive("/export?status=subscribed,archived&events=true"),
    ])
    expect(several.ofKind("end")[0]?.lists.some((list) => "total_items" in list)).toBe(false)
    expect(one.ofKind("end")[0]?.lists.every((list) => "total_items" in list)).toBe(true)
  })

  test("are the same in any order, and with include=archived", async () => {
    const { rows } = await receive("/export?status=cleaned,subscribed&include=archived")
    expect(rows.toSorted()).toEqual(truthOf(["subscribed", "cleaned", "archived"]))
  })

  test("select rows that do not show their status, in every format", async () => {
    const expected = truthOf(["subscribed", "cleaned"]).map((row) => JSON.parse(row).email_address)
    const { rows } = await receive("/export?status=subscribed,cleaned&fields=email_address")
    expect(new Set(rows.map((row) => Object.keys(JSON.parse(row)).join()))).toEqual(
      new Set(["email_address"]),
    )
    expect(rows.map((row) => JSON.parse(row).email_address).toSorted()).toEqual(expected.toSorted())
    const without = await receive("/export?status=subscribed,cleaned&exclude_fields=status")
    expect(without.rows).toHaveLength(expected.length)
    expect(without.rows.join("")).not.toContain('"status"')
    const csv = await (await get("/export?status=subscribed,cleaned&format=csv&fields=email_address")).text()
    expect(csv.trim().split("\r\n").slice(1).toSorted()).toEqual(expected.toSorted())
  })

  test("the next export shows who has lost them since", async () => {
    const path = "/export?status=subscribed,cleaned&events=true"
    const first = await receive(path)
    const lost = [...sandbox.truth(tea).members()].find(({ status }) => status === "subscribed")
    const member = JSON.parse(lost?.row ?? "{}")
    sandbox.changes.editMember(tea, member.id, { status: "unsubscribed" })
    const [end] = first.ofKind("end")
    await Bun.sleep(1100)
    const next = await receive(`${path}&cursor=${end?.cursor}`)
    expect(next.rows.map((row) => JSON.parse(row))).toContainEqual(
      expect.objectContaining({ id: member.id, status: "unsubscribed" }),
    )
    // The cursor is bound to the statuses, in any order.
    expect(await problemOf(`/export?events=true&status=subscribed&cursor=${end?.cursor}`)).toMatchObject({
      code: "invalid_cursor",
    })
    const reordered = await get(`/export?events=true&status=cleaned,subscribed&cursor=${end?.cursor}`)
    expect(reordered.status).toBe(200)
    await reordered.text()
  })
})

describe("list_id", () => {
  test("exports these lists alone, in their order", async () => {
    const { rows, ofKind } = await receive(`/export?list_id=${bread},${tea}&events=true`)
    expect(rows.toSorted()).toEqual(
      pair
        .liveRows()
        .filter((row) => listIdOf(row) !== jam)
        .toSorted(),
    )
    expect(ofKind("start")[0]?.lists.map(({ id }) => id)).toEqual([bread, tea])
    const slice = await receive(`/export?list_id=${jam},${tea}&count=3`)
    expect(slice.rows.map(listIdOf)).toEqual([jam, jam, jam])
  })

  test("one list is the same as /export/:id, and its cursor works at both", async () => {
    const { rows, ofKind } = await receive(`/export?list_id=${jam}&events=true`)
    expect(rows.toSorted()).toEqual(pair.liveRows(jam).toSorted())
    const cursor = ofKind("end")[0]?.cursor
    expect((await receive(`/export/${jam}?events=true&cursor=${cursor}`)).ofKind("end")[0]).toMatchObject({
      status: "complete",
      rows: 0,
    })
  })

  test("binds the cursor to the lists, in any order", async () => {
    const { ofKind } = await receive(`/export?list_id=${bread},${tea}&events=true`)
    const cursor = ofKind("end")[0]?.cursor
    const again = await receive(`/export?list_id=${tea},${bread}&events=true&cursor=${cursor}`)
    expect(again.ofKind("end")[0]).toMatchObject({ status: "complete" })
    for (const path of [`/export?list_id=${tea}`, `/export?list_id=${tea},${jam}`, "/export"]) {
      const separator = path.includes("?") ? "&" : "?"
      expect(await problemOf(`${path}${separator}events=true&cursor=${cursor}`)).toMatchObject({
        status: 400,
        code: "invalid_cursor",
      })
    }
  })

  test.each([["0000000000"], [`${tea},0000000000`]])("an unknown list is a 404: %s", async (ids) => {
    expect(await problemOf(`/export?list_id=${ids}`)).toMatchObject({
      status: 404,
      code: "list_not_found",
      detail: expect.stringContaining("0000000000"),
      upstream: { status: 404 },
    })
  })

  test("a list that was deleted since the cursor is a deleted line, and the others are exported", async () => {
    await using pair = await startSandboxAndService({
      lists: ["Kept", "Deleted"].map((name) => ({ name, count: 50 })),
    })
    const [kept = "", deleted = ""] = pair.listIds
    const path = `/export?list_id=${kept},${deleted}&events=true`
    const cursor = (await pair.receive(path)).ofKind("end")[0]?.cursor
    const added = pair.sandbox.changes.addMember(kept)
    pair.sandbox.state.removeList(deleted)
    const next = await pair.receive(`${path}&cursor=${cursor}`)
    expect(next.ofKind("deleted")).toMatchObject([{ list_id: deleted, reason: "list_deleted" }])
    expect(next.rows.map((row) => JSON.parse(row).id)).toContain(added.id)
    expect(next.ofKind("end")).toMatchObject([{ status: "complete" }])
    const again = await pair.receive(`${path}&cursor=${next.ofKind("end")[0]?.cursor}`)
    expect([again.status, again.ofKind("deleted")]).toEqual([200, []])
  })

  test("names a download for its list, or for how many there are", async () => {
    const nameOf = async (ids: string) => {
      const path = `/export?list_id=${ids}&count=1&download=true`
      const response = await get(path)
      await response.text()
      return response.headers.get("content-disposition")
    }
    expect(await nameOf(tea)).toContain(`mailchimp_members_${tea}_`)
    expect(await nameOf(`${tea},${jam}`)).toContain("mailchimp_members_2_lists_")
  })
})

test.each([
  [`/export?list_id=${tea},${tea}`, "list_id", "must not name anything twice"],
  [
    `/export?list_id=${tea}&list_id=${jam}`,
    "list_id",
    "must be given only once, with commas between its values",
  ],
  ["/export?list_id=", "list_id", "must be ids of lists, as in /lists"],
  [`/export?list_id=${tea},a%20b`, "list_id", "must be ids of lists, as in /lists"],
  [`/export/${tea}?list_id=${jam}`, "list_id", "is not a parameter of this route: see /docs"],
  ["/export?status=subscribed,subscribed", "status", "must not name anything twice"],
  ["/export?status=subscribed,gone", "status", "must be one of subscribed, unsubscribed"],
  ["/export?status=subscribed,cleaned&count=3", "status", "must be a single status with count or offset"],
])("%s is a 400", async (path, name, reason) => {
  expect(await problemOf(path)).toMatchObject({
    status: 400,
    code: "invalid_parameter",
    errors: [{ name, reason: expect.stringContaining(reason) }],
  })
})
