import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import type { Cursor } from "../../../src/exports/cursor/cursor.ts"
import type { ListPosition } from "../../../src/scan/position.ts"
import { createSealedCursors } from "../../../src/exports/cursor/sealed-cursor.ts"
import { createSealer } from "../../../src/sealer.ts"

const sealer = createSealer([{ id: "k1", key: new Uint8Array(32).fill(7) }])
const cursors = createSealedCursors(sealer, "connection-1")
const horizon = 1_700_000_000

const seconds = fc.integer({ min: 1_000_000_000, max: horizon + 1000 })
const since = fc.oneof(seconds, fc.constant(Number.NEGATIVE_INFINITY))
const position = fc.record({ since })
const sweep = fc.record({
  windows: fc.array(fc.record({ since, until: seconds }), { maxLength: 3 }),
  tail: fc.option(position, { nil: undefined }),
  shortAt: fc.option(since, { nil: undefined }),
})
const cursor: fc.Arbitrary<Cursor> = fc.record({
  kind: fc.constantFrom("checkpoint", "end"),
  selection: fc.string(),
  isIncremental: fc.boolean(),
  horizon: fc.constant(horizon),
  lists: fc.array(
    fc
      .record({
        id: fc.oneof(fc.string({ unit: "grapheme" }), fc.stringMatching(/^[0-9a-f]{10}$/), fc.uuid()),
        counted: fc.oneof(
          fc.record({ isDone: fc.constant(true), totalItems: fc.nat() }),
          fc.record({ isDone: fc.constant(false), totalItems: fc.option(fc.nat(), { nil: undefined }) }),
        ),
        live: sweep,
        archived: fc.option(sweep, { nil: undefined }),
      })
      .chain(({ counted, ...list }): fc.Arbitrary<ListPosition> => {
        const unread = { id: list.id, isUnread: true, live: { windows: [] } }
        return fc.constantFrom(unread, { ...list, ...counted }, { ...list, ...counted })
      }),
    { maxLength: 20 },
  ),
})

describe("createSealedCursors()", () => {
  test("opens what it sealed, with Mailchimp's ids in ascending order and other ids after them", async () => {
    const isHex = ({ id }: ListPosition) => /^[0-9a-f]{10}$/.test(id)
    await fc.assert(
      fc.asyncProperty(cursor, async (cursor) => {
        const lists = cursor.lists
          .filter(isHex)
          .toSorted((a, b) => (a.id < b.id ? -1 : 1))
          .concat(cursor.lists.filter((list) => !isHex(list)))
        expect(await cursors.open(await cursors.seal(cursor), cursor.selection)).toEqual({ ...cursor, lists })
      }),
    )
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

  test("refuses a cursor of another selection, and text that is not a cursor, naming the parameter", async () => {
    const text = await cursors.seal({ kind: "end", selection: "s", isIncremental: false, horizon, lists: [] })
    const state = await sealer.seal({}, { purpose: "state" })
    for (const wrong of [text, "", "nonsense", state]) {
      await expect(cursors.open(wrong, "another")).rejects.toMatchObject({
        code: "invalid_cursor",
        errors: [{ name: "cursor" }],
      })
    }
  })

  test("refuses a cursor with any character changed", async () => {
    const text = await cursors.seal({ kind: "end", selection: "s", isIncremental: false, horizon, lists: [] })
    await fc.assert(
      fc.asyncProperty(
        fc.nat(text.length - 1),
        fc.stringMatching(/^[A-Za-z0-9_.-]$/),
        async (position, character) => {
          // The last character of a part contains unused bits.
          fc.pre(text[position] !== character && /[^.]/.test(text[position + 1] ?? "."))
          const forged = text.slice(0, position) + character + text.slice(position + 1)
          await expect(cursors.open(forged, "s")).rejects.toMatchObject({ code: "invalid_cursor" })
        },
      ),
    )
  })

  test("refuses a cursor of another version as expired", async () => {
    for (const content of [{ v: 0 }, Uint8Array.of(), Uint8Array.of(3, 1, 2)]) {
      const text = await sealer.seal(content, { purpose: "cursor", owner: "connection-1" })
      await expect(cursors.open(text, "s")).rejects.toMatchObject({ code: "cursor_expired" })
    }
  })
})
