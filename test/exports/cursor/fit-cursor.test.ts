import { describe, expect, test } from "bun:test"
import type { Cursor } from "../../../src/exports/cursor/cursor.ts"
import { decodeCursor } from "../../../src/exports/cursor/version-2.ts"
import { coarsen, createCursorFitter } from "../../../src/exports/cursor/fit-cursor.ts"
import type { ListPosition, SweepPosition } from "../../../src/scan/position.ts"
import { createSealedCursors } from "../../../src/exports/cursor/sealed-cursor.ts"
import { createSealer } from "../../../src/sealer.ts"
import { createRandom } from "../../scan/model/random.ts"

const horizon = 1_700_000_000
const earlierHorizon = horizon - 604_800
const BEGINNING = Number.NEGATIVE_INFINITY
const connectionId = "0b8fb7a2-6a6e-4f5e-9b57-5e6f3c8e9d21"
const sealer = createSealer([{ id: "2026", key: new Uint8Array(32).fill(7) }])
const windowsOf = (count: number, random: ReturnType<typeof createRandom>) =>
  Array.from({ length: count }, (_, index) => {
    const until = index === count - 1 ? horizon : horizon - 90_000_000 + (index + 1) * 8_000_000
    return { since: until - random.int(1000, 7_000_000), until: until + (until < horizon ? index : 0) }
  })

type Moment = { readonly begun: number; readonly isIncremental: boolean; readonly members: number }

/**
 * Lists with archived members at some moment of an export: each list that is done has a position and a count of its own,
 * ten are being read, some of them in windows, and the others have not been started.
 */
function listsAt({ begun, isIncremental, members }: Moment, count: number, seed: number): ListPosition[] {
  const random = createRandom(seed)
  const id = () => Array.from({ length: 10 }, () => random.int(0, 15).toString(16)).join("")
  const both = (since: number): { live: SweepPosition; archived: SweepPosition } => {
    const later = since === BEGINNING ? since : since + random.int(0, 3)
    return { live: { windows: [], tail: { since } }, archived: { windows: [], tail: { since: later } } }
  }
  return Array.from({ length: count }, (_, index) => {
    // Ten requests a second, and two for each list.
    const after = random.int(0, Math.ceil(count / 4))
    const totalItems = Math.floor(members * 2 ** (random.next() * 5 - 2.5))
    if (index < count * begun - 10) return { id: id(), isDone: true, totalItems, ...both(horizon + after) }
    const unstarted = both(isIncremental ? earlierHorizon + after : BEGINNING)
    if (index >= count * begun) return { id: id(), isDone: false, ...unstarted }
    const windows = windowsOf([0, 0, 0, 5][index % 4] ?? 0, random)
    const since = windows.length > 0 ? horizon : horizon - random.int(1000, 90_000_000)
    const live = { windows, tail: { since } }
    return { id: id(), isDone: false, totalItems: totalItems * 32, live, archived: unstarted.archived }
  })
}

function endsOf(count: number, seed: number): ListPosition[] {
  const lists = listsAt({ begun: 1, isIncremental: false, members: 1 }, count + 10, seed).slice(0, count)
  return lists.map(({ id, live, archived }) => ({ id, live, archived }))
}

async function lengthOf(parts: Pick<Cursor, "kind" | "isIncremental" | "lists">): Promise<number> {
  const selection = "n7PzF0sX2Qm4bYtA"
  const cursor = { ...parts, selection, horizon }
  return (await createSealedCursors(sealer, connectionId).seal(cursor)).length
}

const checkpointOf = (lists: readonly ListPosition[]): Cursor => ({
  kind: "checkpoint",
  selection: "s",
  isIncremental: false,
  horizon,
  lists,
})

describe("a sealed cursor", () => {
  test.each([
    [100, 1024],
    [1000, 7168],
  ])("of %d lists with archived members has at most %d characters at any moment", async (count, limit) => {
    let longest = 0
    for (const begun of [0.1, 0.5, 0.9, 1]) {
      for (const isIncremental of [false, true]) {
        for (const members of [2, 300, 20_000]) {
          const lists = listsAt({ begun, isIncremental, members }, count, members)
          longest = Math.max(longest, await lengthOf({ kind: "checkpoint", isIncremental, lists }))
        }
      }
    }
    longest = Math.max(longest, await lengthOf({ kind: "end", isIncremental: true, lists: endsOf(count, 1) }))
    expect(longest).toBeLessThanOrEqual(limit)
  })

  test("of few lists keeps every position and count", () => {
    const cursor = checkpointOf(listsAt({ begun: 0.9, isIncremental: false, members: 5000 }, 40, 1))
    const sorted = cursor.lists.toSorted((a, b) => (a.id < b.id ? -1 : 1))
    expect(decodeCursor(createCursorFitter()(cursor))).toEqual({ ...cursor, lists: sorted })
  })

  test("of very many lists contains each, keeps the positions of lists being read, and skips no second", () => {
    const cursor = checkpointOf(listsAt({ begun: 0.9, isIncremental: false, members: 20_000 }, 1000, 2))
    const opened = new Map(decodeCursor(createCursorFitter()(cursor)).lists.map((list) => [list.id, list]))
    expect(opened.size).toBe(1000)
    for (const list of cursor.lists) {
      const kept = opened.get(list.id)
      if (!list.isDone) {
        expect(kept).toEqual(list)
        continue
      }
      expect(kept?.isDone).toBe(true)
      for (const sweep of ["live", "archived"] as const) {
        const [was = 0, is = 0] = [list[sweep]?.tail?.since, kept?.[sweep]?.tail?.since]
        expect(is).toBeLessThanOrEqual(was)
        expect(is).toBeGreaterThanOrEqual(Math.max(horizon, was - 64))
      }
    }
  })

  test("of lists whose ids are not hex numbers is no coarser", () => {
    const lists = listsAt({ begun: 1, isIncremental: false, members: 5 }, 60, 3).map((list) => ({
      ...list,
      id: `${list.id}-${list.id.toUpperCase()}`,
    }))
    const cursor = checkpointOf(lists)
    expect(decodeCursor(createCursorFitter()(cursor))).toEqual(cursor)
  })
})

describe("coarsen()", () => {
  const at = (since: number): SweepPosition => ({ windows: [], tail: { since } })

  test("moves no position of a list that is being read, and none before the earliest, which may be a bound", () => {
    const lists: ListPosition[] = [
      { id: "reading", isDone: false, totalItems: 5, live: at(horizon + 7) },
      { id: "done", isDone: true, totalItems: 5, live: { ...at(horizon + 7), shortAt: BEGINNING } },
      { id: "unstarted", isDone: false, live: at(horizon - 93) },
      { id: "bound", isDone: false, live: at(horizon - 100) },
    ]
    const coarse = { stepS: 64, keepsTotals: false }
    const done = { id: "done", isDone: true, live: { ...at(horizon), shortAt: BEGINNING } }
    expect(coarsen(checkpointOf(lists), coarse).lists).toEqual(lists.with(1, done))
    expect(coarsen({ ...checkpointOf(lists), isIncremental: true }, coarse).lists).toEqual(
      lists.with(1, done).with(2, { id: "unstarted", isDone: false, live: at(horizon - 100) }),
    )
  })

  test("changes nothing if the horizon is unknown", () => {
    const end = { ...checkpointOf([{ id: "a", live: at(5) }]), kind: "end" as const, horizon: BEGINNING }
    expect(coarsen(end, { stepS: 64, keepsTotals: true })).toEqual(end)
  })
})
