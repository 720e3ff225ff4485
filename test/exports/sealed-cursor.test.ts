import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import type { Cursor } from "../../src/exports/cursor.ts"
import { createSealedCursors } from "../../src/exports/sealed-cursor.ts"
import { createSealer } from "../../src/sealer.ts"

const sealer = createSealer([{ id: "k1", key: new Uint8Array(32).fill(7) }])
const cursors = createSealedCursors(sealer, "connection-1")
const horizon = 1_700_000_000

const seconds = fc.integer({ min: 1_000_000_000, max: horizon + 1000 })
const since = fc.oneof(seconds, fc.constant(Number.NEGATIVE_INFINITY))
const place = fc.record({ since })
const sweep = fc.record({
  windows: fc.array(fc.record({ since, until: seconds }), { maxLength: 3 }),
  tail: fc.option(place, { nil: undefined }),
  heldAt: fc.option(since, { nil: undefined }),
})
const cursor: fc.Arbitrary<Cursor> = fc.record({
  kind: fc.constantFrom("checkpoint", "end"),
  selection: fc.string(),
  isIncremental: fc.boolean(),
  horizon: fc.constant(horizon),
  lists: fc.array(
    fc
      .record({
        id: fc.string(),
        counted: fc.oneof(
          fc.record({ isDone: fc.constant(true), totalItems: fc.nat() }),
          fc.record({ isDone: fc.constant(false), totalItems: fc.option(fc.nat(), { nil: undefined }) }),
        ),
        live: sweep,
        archived: fc.option(sweep, { nil: undefined }),
      })
      .map(({ counted, ...list }) => ({ ...list, ...counted })),
    { maxLength: 5 },
  ),
})

describe("createSealedCursors()", () => {
  test("opens what it sealed", async () => {
    await fc.assert(
      fc.asyncProperty(cursor, async (cursor) => {
        expect(await cursors.open(await cursors.seal(cursor), cursor.selection)).toEqual(cursor)
      }),
    )
  })

  test("stays under 4 KB for 100 lists, ten of them read side by side", async () => {
    const idOf = (number: number) =>
      new Bun.CryptoHasher("md5").update(String(number)).digest("hex").slice(0, 10)
    const whole = { windows: [], tail: { since: Number.NEGATIVE_INFINITY } }
    const done = { windows: [], tail: { since: horizon + 3 } }
    const windows = Array.from({ length: 10 }, (_, index) => ({
      since: horizon - 90_000_000 + index * 1_000_000,
      until: horizon - 89_000_000 + index * 1_000_000,
    }))
    const lists = Array.from({ length: 100 }, (_, index) => ({
      id: idOf(index),
      isDone: index < 50,
      totalItems: index <= 50 ? 123_456 : undefined,
      live: index < 50 ? done : index === 50 ? { windows, tail: { since: horizon } } : whole,
      archived: index < 50 ? done : whole,
    }))
    const text = await cursors.seal({
      kind: "checkpoint",
      selection: "x".repeat(16),
      isIncremental: false,
      horizon,
      lists,
    })
    expect(text.length).toBeLessThan(4096)
  })

  test("refuses a cursor of another connection as foreign", async () => {
    const text = await createSealedCursors(sealer, "connection-2").seal({
      kind: "end",
      selection: "s",
      isIncremental: false,
      horizon,
      lists: [],
    })
    await expect(cursors.open(text, "s")).rejects.toMatchObject({ code: "cursor_foreign" })
  })

  test("refuses a cursor of another selection, and what is none, naming the parameter", async () => {
    const text = await cursors.seal({ kind: "end", selection: "s", isIncremental: false, horizon, lists: [] })
    const state = await sealer.seal({}, { purpose: "state" })
    for (const wrong of [text, "", "nonsense", state]) {
      await expect(cursors.open(wrong, "another")).rejects.toMatchObject({
        code: "invalid_cursor",
        errors: [{ name: "cursor" }],
      })
    }
  })

  test("refuses a cursor with any of its characters changed", async () => {
    const text = await cursors.seal({ kind: "end", selection: "s", isIncremental: false, horizon, lists: [] })
    await fc.assert(
      fc.asyncProperty(
        fc.nat(text.length - 1),
        fc.stringMatching(/^[A-Za-z0-9_.-]$/),
        async (place, character) => {
          // The last character of a part holds bits that decode to nothing.
          fc.pre(text[place] !== character && /[^.]/.test(text[place + 1] ?? "."))
          const forged = text.slice(0, place) + character + text.slice(place + 1)
          await expect(cursors.open(forged, "s")).rejects.toMatchObject({ code: "invalid_cursor" })
        },
      ),
    )
  })

  test("refuses what an older version sealed as expired", async () => {
    const text = await sealer.seal({ v: 0 }, { purpose: "cursor", owner: "connection-1" })
    await expect(cursors.open(text, "s")).rejects.toMatchObject({ code: "cursor_expired" })
  })
})
