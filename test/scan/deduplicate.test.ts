import { describe, expect, test } from "bun:test"
import { type OpenVersions, countNew, selectRows } from "../../src/scan/deduplicate.ts"
import type { Page } from "../../src/scan/source.ts"
import { momentOf, pageOfIds } from "../support/members.ts"

/** A page with one row, of member a, with the given content. */
function page(content: string, second = 100): Page {
  return {
    ...pageOfIds(["a"]),
    second: () => second,
    fingerprint: () => `${second} ${content}`,
    totalItems: 1,
    count: 10,
    sentAt: momentOf(105),
  }
}

function start() {
  const versions: OpenVersions = new Map()
  const known = new Map()
  return {
    open: (response: Page) => selectRows(response, 1, { headEnd: 0, known, openStart: 0 }, versions).ranges,
    closed: (response: Page) => selectRows(response, 1, { headEnd: 0, known, openStart: 1 }, versions).ranges,
  }
}

const all = [{ start: 0, end: 1 }]

describe("selectRows()", () => {
  test("drops a row of an open second that is repeated unchanged", () => {
    const { open, closed } = start()
    expect(open(page("red"))).toEqual(all)
    expect(open(page("red"))).toEqual([])
    expect(closed(page("red"))).toEqual([])
  })

  test("delivers an edit and its undo within one second, although the first version was delivered before", () => {
    const { open } = start()
    expect(open(page("red"))).toEqual(all)
    expect(open(page("blue"))).toEqual(all)
    expect(open(page("red"))).toEqual(all)
  })

  test("never drops a row without a key, and counts it once", () => {
    const { open } = start()
    const rows: Page = { ...page("red"), ...pageOfIds([]), length: 2, id: () => undefined }
    const select = (length: number) =>
      selectRows({ ...rows, length }, length, { headEnd: 0, known: new Map(), openStart: 0 }, versions)
    const versions: OpenVersions = new Map()
    expect(select(1)).toEqual({ ranges: [{ start: 0, end: 1 }], again: [] })
    expect(select(2)).toEqual({ ranges: [{ start: 0, end: 2 }], again: [0] })
    expect(countNew(select(2))).toBe(0)
    expect(open(page("red"))).toEqual(all)
  })

  test("delivers a row with a known id but other bytes, which may be another member's, and does not count it", () => {
    const known = new Map([["a", "100 red"]])
    const select = (content: string) =>
      selectRows(page(content), 1, { headEnd: 1, known, openStart: 1 }, new Map())
    expect(select("red")).toEqual({ ranges: [], again: [] })
    expect(select("blue")).toEqual({ ranges: all, again: [0] })
  })

  test("forgets a version once another was delivered, e.g. when all is read plainly, so that an undo is delivered", () => {
    const { open, closed } = start()
    open(page("red"))
    expect(closed(page("blue"))).toEqual(all)
    expect(open(page("red"))).toEqual(all)
  })
})
