import { describe, expect, test } from "bun:test"
import { type OpenVersions, selectRows } from "../../src/exports/delivery.ts"
import type { Page } from "../../src/exports/source.ts"
import { momentOf, pageOfIds } from "./support.ts"

/** A page of one row, of the member a: its content says what it looks like. */
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
    open: (answer: Page) => selectRows(answer, 1, { headEnd: 0, known, openStart: 0 }, versions).ranges,
    closed: (answer: Page) => selectRows(answer, 1, { headEnd: 0, known, openStart: 1 }, versions).ranges,
  }
}

const all = [{ start: 0, end: 1 }]

describe("selectRows()", () => {
  test("drops a row of an open second that comes again as it was", () => {
    const { open, closed } = start()
    expect(open(page("red"))).toEqual(all)
    expect(open(page("red"))).toEqual([])
    expect(closed(page("red"))).toEqual([])
  })

  test("delivers an edit and its undoing within one second, though the first version was delivered before", () => {
    const { open } = start()
    expect(open(page("red"))).toEqual(all)
    expect(open(page("blue"))).toEqual(all)
    expect(open(page("red"))).toEqual(all)
  })

  test("forgets the version once another was delivered, as when all is read plainly, so that its undoing comes", () => {
    const { open, closed } = start()
    open(page("red"))
    expect(closed(page("blue"))).toEqual(all)
    expect(open(page("red"))).toEqual(all)
  })
})
