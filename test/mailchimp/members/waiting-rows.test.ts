import { describe, expect, test } from "bun:test"
import { gzipSync } from "node:zlib"
import { gunzip } from "../../../src/lib/gunzip.ts"
import { createIdSum } from "../../../src/lib/id-sum.ts"
import { splitMembers } from "../../../src/mailchimp/members/split-members.ts"
import { createWaitingRows } from "../../../src/mailchimp/members/waiting-rows.ts"
import { membersOf } from "../../support/members.ts"
import { createVirtualClock } from "../../support/virtual-clock.ts"

const members = membersOf(50, { status: "subscribed" })
const json = JSON.stringify({ members, list_id: "a1b2", total_items: 70 })
const options = { count: 50, offset: 0, without: ["last_changed"] }

/** Rows that wait, what was split so far, and the compressed body. */
function setUp() {
  const clock = createVirtualClock()
  const compressed = new Uint8Array(gzipSync(json))
  const split = [splitMembers(Buffer.from(json), options)]
  const splitAgain = () => {
    const rows = splitMembers(gunzip(compressed, 2 ** 20), options)
    split.push(rows)
    return rows
  }
  const rows = createWaitingRows(split[0]!, { compressed, splitAgain }, clock)
  return { clock, compressed, split, rows }
}

function contentsOf(rows: ReturnType<typeof setUp>["rows"]) {
  const sum = createIdSum()
  rows.addIds(sum, 0, rows.length)
  const each = Array.from({ length: rows.length }, (_, index) => [
    rows.id(index),
    rows.second(index),
    rows.status(index),
    rows.fingerprint(index),
  ])
  return { length: rows.length, totalItems: rows.totalItems, each, sum: [...sum], bytes: textOf(rows) }
}

function textOf(rows: ReturnType<typeof setUp>["rows"]): string {
  return Buffer.from(rows.bytes(0, rows.length)).toString()
}

describe("createWaitingRows()", () => {
  const expected = contentsOf(splitMembers(Buffer.from(json), options))

  test("that are used within a second are split once", async () => {
    const { clock, compressed, split, rows } = setUp()
    await clock.advance(999)
    expect(rows.second(0)).toBeGreaterThan(0)
    // The compressed body is needed no more, and no timer is left.
    expect(compressed.length).toBe(0)
    expect(clock.sleepers()).toBe(0)
    await clock.advance(10_000)
    expect(contentsOf(rows)).toEqual(expected)
    expect(split).toHaveLength(1)
  })

  test("that are not used for a second are only kept compressed, and are the same afterwards", async () => {
    const { clock, compressed, split, rows } = setUp()
    await clock.advance(1000)
    expect(() => split[0]?.bytes(0, 1)).toThrow("released")
    expect(compressed.length).toBeGreaterThan(0)
    expect(rows).toMatchObject({ length: 50, totalItems: 70 })
    expect(split).toHaveLength(1)
    expect(contentsOf(rows)).toEqual(expected)
    expect(split).toHaveLength(2)
    expect(compressed.length).toBe(0)
  })

  test("that were used keep their memory, because their bytes may be in use", async () => {
    const { clock, rows } = setUp()
    const bytes = Buffer.from(rows.bytes(0, 2).buffer)
    await clock.advance(60_000)
    expect(bytes.length).toBeGreaterThan(0)
  })

  test.each([0, 1000])("are released after %d ms", async (ms) => {
    const { clock, compressed, rows } = setUp()
    await clock.advance(ms)
    rows.release()
    rows.release()
    expect(compressed.length).toBe(0)
    expect(clock.sleepers()).toBe(0)
    expect(() => rows.bytes(0, 1)).toThrow("released")
  })
})
