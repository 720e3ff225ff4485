import { describe, expect, test } from "bun:test"
import { z } from "zod"
import { AppError } from "../../src/errors.ts"
import type { Cursor } from "../../src/exports/cursor.ts"
import { decodeCursor, encodeCursor } from "../../src/exports/cursor-bytes.ts"
import { coarsen } from "../../src/exports/fit-cursor.ts"
import { parseSelection } from "../../src/exports/selection.ts"
import { type ExportOptions, openExport } from "../../src/exports/stream-export.ts"
import { systemClock } from "../../src/lib/clock.ts"
import { createFailingSource, createTestSource, memberOf, membersOf } from "../support/members.ts"

type Line = Record<string, unknown> & { $export?: string; id?: string; cursor?: string }

const lists = { a: membersOf(25), none: [], b: membersOf(3) }
const idsOf = (lines: readonly Line[]) => lines.filter((line) => !line.$export).map(({ id }) => id)
const allIds = [...lists.a, ...lists.b].map(({ id }) => id)

const sealCursor = async (cursor: Cursor) => encodeCursor(cursor).toHex()
const openCursor = (text: unknown) => decodeCursor(Uint8Array.fromHex(String(text)))

/** A source each of whose pages takes a second, and the clock that shows it. */
function secondAPage() {
  let ms = 0
  const source = createTestSource(lists, {
    pageSize: 10,
    response: (_query, _signal, response) => {
      ms += 1000
      return response()
    },
  })
  return { source, clock: { ...systemClock, monotonicMs: () => ms } }
}

/** The lines of an export with events, as far as they come, and what broke it. */
async function linesOf(options: Partial<ExportOptions> = {}): Promise<{ lines: Line[]; broken?: unknown }> {
  const stream = await openExport({
    lists: [{ id: "a", name: "First", estimate: 25 }, { id: "none", name: "None" }, { id: "b" }],
    selection: parseSelection({}),
    format: "ndjson",
    events: { exportId: "e1", selectionId: "s1", sealCursor, waitingFor: () => "rate_limit" },
    source: createTestSource(lists, { pageSize: 10 }),
    marginS: 10,
    signal: new AbortController().signal,
    ...options,
  })
  let text = ""
  try {
    for await (const chunk of stream) text += Buffer.from(chunk).toString()
  } catch (broken) {
    return { lines: parse(text), broken }
  }
  return { lines: parse(text) }
}

function parse(text: string): Line[] {
  expect(text).toEndWith("\n")
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
}

describe("event lines", () => {
  test("frame the members: a start, a checkpoint after each page that took a second, an end", async () => {
    const { lines } = await linesOf(secondAPage())
    expect(lines[0]).toEqual({
      $export: "start",
      id: "e1",
      horizon: "2033-05-18T03:33:09Z",
      lists: [{ id: "a", name: "First", estimate: 25 }, { id: "none", name: "None" }, { id: "b" }],
    })
    expect(idsOf(lines)).toEqual(allIds)
    const kinds = lines.map((line) => line.$export ?? "member")
    // The page of the last list was requested before the one before it was written.
    expect(kinds.filter((kind) => kind === "checkpoint").length).toBe(4)
    expect(kinds.at(-1)).toBe("end")
    expect(lines.at(-1)).toEqual({
      $export: "end",
      status: "complete",
      rows: 28,
      lists: [
        { id: "a", rows: 25, total_items: 25, as_of: "2033-05-18T03:33:09Z" },
        { id: "none", rows: 0, total_items: 0, as_of: "2033-05-18T03:33:09Z" },
        { id: "b", rows: 3, total_items: 3, as_of: "2033-05-18T03:33:09Z" },
      ],
      cursor: expect.any(String),
      duration_ms: expect.any(Number),
    })
  })

  test("have a checkpoint after the first page, and then one every 1,000 rows or second, not one a page", async () => {
    const rowsAt = (lines: readonly Line[]) =>
      lines.filter((line) => line.$export === "checkpoint").map(({ rows }) => rows)
    let ms = 0
    const paged = (pageMs: (nth: number) => number) => {
      let nth = 0
      const source = createTestSource(
        { a: membersOf(4000) },
        {
          pageSize: 101,
          response: (_query, _signal, response) => {
            ms += pageMs(nth)
            nth += 1
            return response()
          },
        },
      )
      return { source, lists: [{ id: "a" }], clock: { ...systemClock, monotonicMs: () => ms } }
    }
    // All pages but the first repeat a row of the one before, which is not written again.
    expect(rowsAt((await linesOf(paged(() => 0))).lines)).toEqual([101, 1101, 2101, 3101])
    expect(rowsAt((await linesOf(paged((nth) => (nth === 7 ? 1000 : 0)))).lines).slice(0, 3)).toEqual([
      101, 701, 1701,
    ])
    expect(rowsAt((await linesOf(paged(() => 500))).lines).slice(0, 4)).toEqual([101, 301, 501, 701])
  })

  test("have a checkpoint every second also while lists without rows are read", async () => {
    const clock = secondAPage()
    const none = Array.from({ length: 5 }, (_, index) => ({ id: `none-${index}` }))
    const { lines } = await linesOf({ ...clock, lists: none })
    const cursors = lines
      .filter((line) => line.$export === "checkpoint")
      .map(({ cursor }) => openCursor(cursor))
    expect(cursors.map(({ lists }) => lists.filter(({ isDone }) => isDone).length)).toEqual([2, 3, 4])
  })

  test("have the present state in an error's cursor and an end's, however long ago the last checkpoint was", async () => {
    const failure = new AppError("mailchimp_error", "Cannot read the members as Mailchimp failed: list a")
    const clock = { ...systemClock, monotonicMs: () => 0, sleep: async () => {} }
    const { lines } = await linesOf({ source: createFailingSource(lists, 3, failure), clock })
    expect(lines.filter((line) => line.$export === "checkpoint")).toHaveLength(1)
    const rest = await linesOf({ lists: [{ id: "a" }], cursor: openCursor(lines.at(-1)?.cursor) })
    const [received, repeated] = [idsOf(lines), idsOf(rest.lines).filter((id) => idsOf(lines).includes(id))]
    expect(received.length).toBeGreaterThan(10)
    expect(repeated.length).toBeLessThanOrEqual(1)
  })

  test("leave out Mailchimp's count of a list that was done before, if the cursor had no room for it", async () => {
    const [checkpoint] = (await linesOf(secondAPage())).lines
      .filter(({ $export }) => $export === "checkpoint")
      .slice(-1)
    const cursor = coarsen(openCursor(checkpoint?.cursor), { stepS: 64, keepsTotals: false })
    const { lines } = await linesOf({ cursor })
    expect(lines.at(-1)).toMatchObject({ $export: "end", status: "complete" })
    const asOf = "2033-05-18T03:33:09Z"
    expect(z.array(z.unknown()).parse(lines.at(-1)?.["lists"])).toEqual([
      { id: "a", rows: 0, as_of: asOf },
      { id: "none", rows: 0, as_of: asOf },
      { id: "b", rows: 3, total_items: 3, as_of: asOf },
    ])
  })

  test("let a consumer go on from any checkpoint", async () => {
    const { lines } = await linesOf(secondAPage())
    const checkpoints = lines.flatMap((line, index) => (line.$export === "checkpoint" ? [index] : []))
    expect(checkpoints.length).toBe(4)
    for (const index of checkpoints) {
      const received = idsOf(lines.slice(0, index))
      const rest = await linesOf({ cursor: openCursor(lines[index]?.cursor) })
      expect(new Set([...received, ...idsOf(rest.lines)])).toEqual(new Set(allIds))
      // A second's rows may come again, and in these lists each has one.
      expect(received.length + idsOf(rest.lines).length).toBeLessThanOrEqual(allIds.length + 1)
      expect(rest.lines.at(-1)).toMatchObject({ $export: "end", status: "complete" })
    }
  })

  test("start the next export from an end, with what changed since, what is new and what is gone", async () => {
    const { lines } = await linesOf()
    const cursor = openCursor(lines.at(-1)?.cursor)
    expect(idsOf((await linesOf({ cursor })).lines)).toEqual([])
    const changed = { ...lists.a[3]!, last_changed: "2033-05-18T03:33:15+00:00", note: "edited" }
    const source = createTestSource({
      a: [...lists.a.filter(({ id }) => id !== changed.id), changed],
      c: membersOf(1),
    })
    const next = await linesOf({ cursor, source, lists: [{ id: "a" }, { id: "c" }] })
    expect(idsOf(next.lines)).toEqual([changed.id, lists.a[0]!.id])
    expect(next.lines.filter((line) => line.$export === "deleted")).toEqual([
      { $export: "deleted", list_id: "none", at: expect.any(String), reason: "list_deleted" },
      { $export: "deleted", list_id: "b", at: expect.any(String), reason: "list_deleted" },
    ])
  })

  test("tell of a failure, with a cursor to go on from, and break the transfer all the same", async () => {
    const upstream = { status: 500, title: "Internal Server Error" }
    const failure = new AppError("mailchimp_error", "Cannot read the members as Mailchimp failed: list a", {
      upstream,
    })
    const source = createFailingSource(lists, 3, failure)
    const { lines, broken } = await linesOf({ source, clock: { ...systemClock, sleep: async () => {} } })
    expect(broken).toBe(failure)
    const error = lines.at(-1)
    expect(error).toEqual({
      $export: "error",
      code: "mailchimp_error",
      detail: failure.detail,
      retryable: true,
      cursor: expect.any(String),
      upstream,
    })
    const rest = await linesOf({ cursor: openCursor(error?.cursor) })
    expect(new Set([...idsOf(lines), ...idsOf(rest.lines)])).toEqual(new Set(allIds))
  })

  test("tell of a list that cannot be read, and end short: the next export reads it whole, and it alone", async () => {
    const upstream = { status: 403, title: "Forbidden" }
    const failure = new AppError("mailchimp_forbidden", "Cannot read the members: list a", { upstream })
    const source = createTestSource(lists, {
      pageSize: 10,
      response: ({ listId, since }, _signal, response) => {
        if (listId === "a" && since !== undefined) throw failure
        return response()
      },
    })
    const { lines, broken } = await linesOf({ source, judgeError: async () => "list_failed" })
    expect(broken).toBeUndefined()
    expect(lines.filter(({ $export }) => $export === "list_error")).toEqual([
      {
        $export: "list_error",
        list_id: "a",
        code: "mailchimp_forbidden",
        detail: failure.detail,
        retryable: false,
        upstream,
      },
    ])
    expect(idsOf(lines)).toEqual([...lists.a.slice(0, 10), ...lists.b].map(({ id }) => id))
    const checkpoint = lines.findLast(({ $export }) => $export === "checkpoint")
    const end = lines.at(-1)
    expect(end).toMatchObject({
      $export: "end",
      status: "short",
      lists: [{ id: "a", rows: 10, code: "mailchimp_forbidden" }, { id: "none" }, { id: "b", rows: 3 }],
    })
    // Its position is kept while the export may be resumed, and given up at its end.
    const resumed = await linesOf({ cursor: openCursor(checkpoint?.cursor) })
    expect(idsOf(resumed.lines)).toEqual(expect.arrayContaining(lists.a.slice(10).map(({ id }) => id)))
    const next = await linesOf({ cursor: openCursor(end?.cursor) })
    expect(idsOf(next.lines)).toEqual(lists.a.map(({ id }) => id))
    const gone = await linesOf({ cursor: openCursor(end?.cursor), lists: [{ id: "none" }, { id: "b" }] })
    expect(gone.lines).toContainEqual(expect.objectContaining({ $export: "deleted", list_id: "a" }))
  })

  test("tell of a list that is deleted meanwhile, which is no failure", async () => {
    const failure = new AppError("list_not_found", "Cannot read the members as Mailchimp knows no such list")
    const source = createTestSource(lists, {
      response: ({ listId }, _signal, response) => {
        if (listId === "a") throw failure
        return response()
      },
    })
    const { lines } = await linesOf({ source, judgeError: async () => "list_deleted" })
    expect(lines).toContainEqual(expect.objectContaining({ $export: "deleted", list_id: "a" }))
    expect(lines.at(-1)).toMatchObject({ status: "complete", lists: [{ id: "none" }, { id: "b" }] })
    const next = await linesOf({ cursor: openCursor(lines.at(-1)?.cursor), lists: [{ id: "b" }] })
    expect(next.lines.filter(({ $export }) => $export === "deleted")).toMatchObject([{ list_id: "none" }])
  })

  test("give each list an as_of also where it was done before the export was broken off", async () => {
    const selection = parseSelection({ before_last_changed: new Date("2033-01-01T00:00:00Z") })
    const { lines } = await linesOf({ selection, ...secondAPage() })
    for (const { cursor } of lines.filter(({ $export }) => $export === "checkpoint")) {
      const rest = await linesOf({ selection, cursor: openCursor(cursor) })
      const asOf = "2033-05-18T03:33:09Z"
      expect(rest.lines.at(-1)).toMatchObject({ lists: [{ as_of: asOf }, { as_of: asOf }, { as_of: asOf }] })
    }
  })

  test("end well, but short, where Mailchimp hides a row of a list: the next export reads it again", async () => {
    const hidden = [...lists.b, memberOf(4, { isHidden: true })]
    const source = createTestSource({ ...lists, b: hidden }, { pageSize: 10 })
    const { lines, broken } = await linesOf({ source })
    expect(broken).toBeUndefined()
    expect(new Set(idsOf(lines))).toEqual(new Set([...allIds, ...hidden.map(({ id }) => id)]))
    expect(lines.at(-1)).toMatchObject({ $export: "end", status: "short" })
    const next = await linesOf({ cursor: openCursor(lines.at(-1)?.cursor) })
    expect(idsOf(next.lines)).toEqual(lists.b.map(({ id }) => id))
    expect(next.lines.at(-1)).toMatchObject({ status: "complete" })
  })

  test("end well, with each row once, where Mailchimp counts a row of a list that does not exist, and say so", async () => {
    const source = createTestSource(lists, {
      pageSize: 10,
      response: ({ listId }, _signal, response) => {
        const page = response()
        return listId === "b" ? { ...page, totalItems: page.totalItems + 1 } : page
      },
    })
    const { lines } = await linesOf({ source })
    expect(idsOf(lines)).toEqual(allIds)
    expect(lines.at(-1)).toMatchObject({
      status: "complete",
      count_differs: 1,
      lists: [{ id: "a" }, { id: "none" }, { id: "b", rows: 3, total_items: 4, count_differs: 1 }],
    })
    expect(source.queries.filter(({ listId }) => listId === "b").length).toBeLessThanOrEqual(8)
  })

  test("have no cursor at the end of an export with an upper bound, as it says nothing of what came later", async () => {
    const before = new Date(String(lists.a[9]?.last_changed))
    const { lines } = await linesOf({ selection: parseSelection({ before_last_changed: before }) })
    expect(idsOf(lines)).toEqual([...lists.a.slice(0, 10), ...lists.b].map(({ id }) => id))
    expect(lines.at(-1)).not.toHaveProperty("cursor")
  })

  test("show what is waited for", async () => {
    const { promise: answered, resolve: response } = Promise.withResolvers<void>()
    let requested = 0
    const source = createTestSource(lists, {
      pageSize: 10,
      response: async (_query, _signal, page) => {
        requested += 1
        if (requested === 2) await answered
        return page()
      },
    })
    let rings = 0
    const clock = {
      ...systemClock,
      sleep: async () => {
        rings += 1
        if (rings > 3) response()
        await Bun.sleep(1)
      },
    }
    const { lines } = await linesOf({ source, clock })
    expect(lines).toContainEqual({
      $export: "progress",
      rows: 10,
      estimate: 25,
      requests: 2,
      waiting_for: "rate_limit",
    })
    expect(idsOf(lines)).toEqual(allIds)
  })
})
