import { describe, expect, test } from "bun:test"
import { createListScan } from "../../src/exports/list-scan.ts"
import type { Page } from "../../src/exports/source.ts"

const HORIZON = 989
const whole = { windows: [], tail: { since: Number.NEGATIVE_INFINITY } }

function page(rows: Readonly<Record<string, number>>, askedAt: number): Page {
  const ids = Object.keys(rows)
  return {
    length: ids.length,
    id: (index) => ids[index]!,
    second: (index) => rows[ids[index]!],
    fingerprint: (index) => `${ids[index]} ${rows[ids[index]!]}`,
    bytes: () => new Uint8Array(),
    release: () => {},
    totalItems: ids.length,
    count: 10,
    askedAt,
  }
}

/** Reads a list by these answers. The sweeps that were asked for, and what came of it. */
function read(answers: readonly Page[]) {
  const list = createListScan({ id: "a", live: whole, archived: whole }, { horizon: HORIZON, marginS: 10 })
  const sweeps: string[] = []
  let tasks = list.begin()
  for (const answer of answers) {
    const task = tasks[0]!
    sweeps.push(task.sweep)
    tasks = list.receive(task, answer).next
  }
  return { sweeps, isDone: list.isDone(), result: list.result() }
}

describe("createListScan()", () => {
  test("ends with a tail of the live members, when nobody changed sides while the archived ones were read", () => {
    const { sweeps, isDone, result } = read([page({ x: 100 }, 1000), page({ y: 101 }, 1100), page({}, 1200)])
    expect(sweeps).toEqual(["live", "archived", "live"])
    expect(isDone).toBe(true)
    expect(result).toMatchObject({ rows: 2, asOf: 1089, isShort: false })
  })

  test("reads the archived members again after someone came back, as another may have left meanwhile", () => {
    const { sweeps, isDone, result } = read([
      page({ x: 100 }, 1000),
      page({ y: 101 }, 1100),
      page({ y: 1105 }, 1200),
      page({ x: 1250 }, 1300),
      page({}, 1400),
    ])
    expect(sweeps).toEqual(["live", "archived", "live", "archived", "live"])
    expect(isDone).toBe(true)
    expect(result.asOf).toBe(1289)
  })

  test("changes sides six times at most, where members never stop to", () => {
    const answers = Array.from({ length: 8 }, (_, index) =>
      page({ x: 100 + 100 * index }, 1000 + 100 * index),
    )
    const { sweeps, isDone } = read(answers)
    expect(sweeps).toHaveLength(8)
    expect(isDone).toBe(true)
  })
})
