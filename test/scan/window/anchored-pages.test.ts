import { describe, expect, test } from "bun:test"
import { type Step, createAnchoredPages } from "../../../src/scan/window/anchored-pages.ts"
import { countRows } from "../../../src/scan/deduplicate.ts"
import type { Page } from "../../../src/scan/source.ts"
import { momentOf, pageOfIds } from "../../support/members.ts"

/** By Mailchimp's clock it is 1000: 989 is closed, and no change can have a second after 1060. */
const closed = 989

/** A page of three rows at most: `id@second`, or only the id of a row without a date. */
function page(rows: string, totalItems: number): Page {
  const cells = rows.split(" ").map((row) => row.split("@"))
  const second = (index: number) => (cells[index]?.[1] ? Number(cells[index][1]) : undefined)
  const ids = cells.map(([id = ""]) => id)
  const fingerprint = (index: number) => `${ids[index]} ${second(index)}`
  return { ...pageOfIds(ids), second, fingerprint, totalItems, count: 3, sentAt: momentOf(1000) }
}

function start(since = -Infinity) {
  const pages = createAnchoredPages(since, 10, new Map())
  return {
    pages,
    stepAfter: (rows: string, totalItems: number, until?: number): Step =>
      pages.receive(page(rows, totalItems), until, closed).step,
  }
}

describe("createAnchoredPages()", () => {
  test("begins the next page with the last second of this one, and knows what was delivered of it", () => {
    const { pages, stepAfter } = start()
    expect(stepAfter("a@100 b@101 c@101", 4)).toEqual({ kind: "page", delay: {} })
    expect([pages.anchor(), [...pages.known().keys()]]).toEqual([100, ["b", "c"]])
    const { selected, step } = pages.receive(page("b@101 c@101 d@101", 3), undefined, closed)
    expect(countRows(selected.ranges)).toBe(1)
    // The page is full, so it may not have all rows of the second.
    expect(step).toEqual({ kind: "tied", second: 101, pageRows: 3 })
    pages.skip(page("d@101", 1))
    expect([pages.anchor(), pages.known().size]).toEqual([101, 0])
    expect(pages.hasOddSince()).toBe(false)
    pages.skip(page("c@101", 1))
    expect(pages.hasOddSince()).toBe(true)
  })

  test("delivers a change back to bytes that were delivered of the anchor's next second, if bytes show no date", () => {
    const { pages } = start()
    const statusOf = (rows: string, statuses: string) => ({
      ...page(rows, 9),
      fingerprint: (index: number) => statuses[index] ?? "",
    })
    pages.receive(statusOf("m1@980 m2@989 m3@990", "sss"), undefined, closed)
    expect([...pages.known().keys()]).toEqual(["m2"])
    const left = pages.receive(statusOf("m3@990 m4@991 m2@1000", "ssu"), undefined, closed)
    expect([pages.anchor(), left.selected.ranges]).toEqual([988, [{ start: 1, end: 3 }]])
    const back = pages.receive(statusOf("m3@990 m4@991 m2@1005", "sss"), undefined, 1000)
    expect(back.selected.ranges).toEqual([{ start: 2, end: 3 }])
  })

  test("begins no page after an open second, and waits until that is closed", () => {
    const { pages, stepAfter } = start()
    stepAfter("a@100 b@980 c@995", 4)
    expect(pages.anchor()).toBe(988)
    expect(stepAfter("c@995 d@995", 3)).toEqual({
      kind: "page",
      delay: { notBefore: { second: 1006, maxS: 6 } },
    })
  })

  test("ends at a page that reaches the end, or has a row after `until`", () => {
    expect(start(99).stepAfter("a@100 b@101", 2)).toEqual({ kind: "end" })
    expect(start(99).stepAfter("a@100 b@101 c@103", 9, 102)).toEqual({ kind: "end" })
  })

  test("finds members dated ahead of both clocks, and the last second before them", () => {
    expect(start(99).stepAfter("a@100 b@1061 c@1070", 9)).toEqual({ kind: "ahead", boundary: 1060 })
    expect(start(99).stepAfter("a@100 b@101 c@1060", 9).kind).toBe("page")
  })

  test("finds rows without a date on the first page, and distrusts them on any other", () => {
    expect(start().stepAfter("a b c", 9)).toEqual({ kind: "undated" })
    expect(start(99).stepAfter("a b c", 9)).toEqual({ kind: "lack", lack: "rules" })
  })

  test("distrusts a page that begins before the anchor, and reports one that begins at it", () => {
    const { pages, stepAfter } = start(99)
    expect(stepAfter("a@99 b@100 c@101", 9).kind).toBe("page")
    expect(pages.hasOddSince()).toBe(true)
    expect(start(99).stepAfter("a@98 b@100 c@101", 9)).toEqual({ kind: "lack", lack: "rules" })
  })
})
