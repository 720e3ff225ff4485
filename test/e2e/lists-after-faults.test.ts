import { describe, expect, test } from "bun:test"
import {
  differenceOf,
  listIdOf,
  noDifference,
  type SandboxAndService,
  startSandboxAndService,
} from "../support/sandbox-and-service.ts"
import { breakList, endOf, notFound, rowsOf, startThreeLists } from "../support/three-lists.ts"

describe("after an export with a list that could not be read", () => {
  test.each([0, 1])(
    "the end's cursor reads the whole list once it works again, after %d good pages, and continues the others",
    async (goodPages) => {
      await using pair = await startThreeLists()
      const [first = "", broken] = pair.listIds
      const fault = breakList(pair, broken, notFound, goodPages)
      const end = endOf(await pair.receive("/export?events=true"))

      const again = await pair.receive(`/export?events=true&cursor=${end.cursor}`)
      expect(again.ofKind("list_error")).toMatchObject([{ list_id: broken, code: "list_not_found" }])
      fault.remove()
      const added = pair.sandbox.changes.addMember(first)
      const whole = await pair.receive(`/export?events=true&cursor=${endOf(again).cursor}`)
      expect(endOf(whole).status).toBe("complete")
      // Archived members are included, as in every incremental export.
      const live = rowsOf(whole, broken).filter((row) => JSON.parse(row).status !== "archived")
      expect(differenceOf(live, pair.liveRows(broken))).toEqual(noDifference)
      expect(whole.rows.map((row) => JSON.parse(row).id)).toContain(added.id)
      expect(whole.rows.filter((row) => listIdOf(row) !== broken).length).toBeLessThan(10)

      const next = await pair.receive(`/export?events=true&cursor=${endOf(whole).cursor}`)
      expect(endOf(next).status).toBe("complete")
      expect(next.rows.length).toBeLessThan(10)
    },
  )

  test("the end's cursor reports the list as deleted, if it is gone then", async () => {
    await using pair = await startThreeLists()
    const [, broken = ""] = pair.listIds
    breakList(pair, broken, notFound)
    const end = endOf(await pair.receive("/export?events=true"))
    pair.sandbox.state.removeList(broken)
    const next = await pair.receive(`/export?events=true&cursor=${end.cursor}`)
    expect(next.ofKind("deleted")).toMatchObject([{ list_id: broken, reason: "list_deleted" }])
    expect(next.ofKind("list_error")).toEqual([])
    expect(endOf(next).status).toBe("complete")
  })

  test("the cursor of a checkpoint resumes the list where it had failed", async () => {
    await using pair = await startSandboxAndService({
      lists: [
        { name: "First", count: 100 },
        { name: "Second", count: 6000, imports: [] },
      ],
      // One page at a time: no request looks ahead for a row to split the list at.
      env: { MAILCHIMP_PAGE_SIZE: "1000", MAILCHIMP_MAX_CONNECTIONS: "1" },
    })
    const [, broken] = pair.listIds
    const fault = breakList(pair, broken, notFound, 4)
    const received = await pair.receive("/export?events=true")
    expect(received.ofKind("list_error")).toMatchObject([{ list_id: broken }])
    fault.remove()

    const checkpoint = received.ofKind("checkpoint").at(-1)
    const confirmed = received.rows.slice(0, checkpoint?.rows).filter((row) => listIdOf(row) === broken)
    expect(confirmed.length).toBeGreaterThan(2000)
    const resumed = await pair.receive(`/export?events=true&cursor=${checkpoint?.cursor}`)
    expect(endOf(resumed).status).toBe("complete")
    const rest = rowsOf(resumed, broken)
    expect(differenceOf([...confirmed, ...rest], pair.liveRows(broken))).toEqual(noDifference)
    expect(rest.length).toBeLessThan(pair.liveRows(broken).length - 2000)
  }, 30_000)
})

describe("a list that disappears from GET /lists in mid-export", () => {
  test.each([1, 2, 3])(
    "before its page %d: with events the list is a deleted line and no fault, the export is complete",
    async (page) => {
      await using pair = await startThreeLists()
      removeSecondListBefore(pair, page)
      const [, gone] = pair.listIds
      const kept = pair.listIds.filter((id) => id !== gone).flatMap((id) => pair.liveRows(id))
      const received = await pair.receive("/export?events=true")
      expect(received.isBroken).toBe(false)
      expect(received.ofKind("deleted")).toMatchObject([{ list_id: gone, reason: "list_deleted" }])
      expect([...received.ofKind("list_error"), ...received.ofKind("error")]).toEqual([])
      expect(endOf(received).status).toBe("complete")
      expect(
        differenceOf(
          received.rows.filter((row) => listIdOf(row) !== gone),
          kept,
        ),
      ).toEqual(noDifference)

      const next = await pair.receive(`/export?events=true&cursor=${endOf(received).cursor}`)
      expect(endOf(next).status).toBe("complete")
    },
  )

  test("without events the export ends normally, with all rows of the others", async () => {
    await using pair = await startThreeLists()
    removeSecondListBefore(pair, 2)
    const [, gone] = pair.listIds
    const kept = pair.listIds.filter((id) => id !== gone).flatMap((id) => pair.liveRows(id))
    const received = await pair.receive("/export")
    expect([received.status, received.isBroken]).toEqual([200, false])
    expect(
      differenceOf(
        received.rows.filter((row) => listIdOf(row) !== gone),
        kept,
      ),
    ).toEqual(noDifference)
  })
})

/** Removes the second list from the account just before a page of it is read. */
function removeSecondListBefore(
  { sandbox, listIds: [, second], onRequest }: SandboxAndService,
  page: number,
) {
  let pages = 0
  onRequest(({ path, listId }) => {
    if (listId === undefined || listId !== second || !path.endsWith("/members")) return
    pages += 1
    if (pages === page) sandbox.state.removeList(listId)
  })
}
