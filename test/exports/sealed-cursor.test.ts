import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import type { Cursor } from "../../src/exports/cursor.ts"
import type { ListPosition } from "../../src/scan/position.ts"
import { createSealedCursors } from "../../src/exports/sealed-cursor.ts"
import { createSealer } from "../../src/sealer.ts"

const sealer = createSealer([{ id: "k1", key: new Uint8Array(32).fill(7) }])
const cursors = createSealedCursors(sealer, "connection-1")
const horizon = 1_700_000_000

/** Sealed by version 1, with the key and for the connection of this file. */
const versionOne = [
  "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiazEiLCJ0eXAiOiJjdXJzb3IifQ..oE-fjROPruWd8zeE.Yrqs6wg",
  "Ib6Ndq72abPX8A48TliIlHNu5BltN_Dh1x6ooiatSauxmpMv7otc2bEDJ2r0ZfQYmF7b1u2jL9n8kU42eZc6mVP5PwTjlbAHkpO9",
  "HnM2XCkwfOBlHRORY9MyqviWljDqTobt_gxztvQPzJ6sQXymetfxPt271VjHyeZwicIJjCFpEl87HKkt2G1W1T_cQy9pik3y8WDT",
  "fOez0D396aux0sMJXQAOlhKG7bnPsK8ydg7oiyJphFiIKJHW4y9vMA6vpg9lHNFEolXlwmiBtRVaPzOvvvVrEUExqN-JQwxvQPuI",
  "n2grHKkR5Bva2_1F1HaQf-kWyW8zyQoTLqBKuHoxgI3__izZThLcIBMcaHQIGZZfTpRfMyhsNaoNSDFNxNLwX-A.m3hzkGGVbf9b",
  "PQvqGEB8yw",
].join("")

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

  test("opens a cursor that version 1 sealed", async () => {
    expect(await cursors.open(versionOne, "n7PzF0sX2Qm4bYtA")).toEqual({
      kind: "checkpoint",
      selection: "n7PzF0sX2Qm4bYtA",
      isIncremental: true,
      horizon,
      lists: [
        {
          id: "b1844af105",
          isDone: true,
          totalItems: 2146,
          live: { windows: [], tail: { since: horizon + 3 } },
          archived: { windows: [], tail: { since: horizon + 4 } },
        },
        {
          id: "7261b81c30",
          isDone: false,
          totalItems: 90_000,
          live: {
            windows: [
              { since: Number.NEGATIVE_INFINITY, until: horizon - 9_000_000 },
              { since: horizon - 5_000_000, until: horizon },
            ],
            tail: { since: horizon },
            shortAt: horizon - 100,
          },
          archived: { windows: [], tail: { since: Number.NEGATIVE_INFINITY } },
        },
        {
          id: "Another-Id",
          isDone: false,
          live: { windows: [{ since: horizon - 86_400, until: horizon - 10 }] },
        },
      ],
    })
    await expect(cursors.open(versionOne, "another")).rejects.toMatchObject({ code: "invalid_cursor" })
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
