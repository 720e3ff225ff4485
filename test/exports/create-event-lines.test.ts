import { describe, expect, test } from "bun:test"
import { z } from "zod"
import { AppError } from "../../src/errors.ts"
import type { Cursor } from "../../src/exports/cursor/cursor.ts"
import { decodeCursor, encodeCursor } from "../../src/exports/cursor/version-2.ts"
import { coarsen } from "../../src/exports/cursor/fit-cursor.ts"
import { ndjson } from "../../src/exports/formats/ndjson.ts"
import { parseSelection } from "../../src/exports/selection.ts"
import { type ExportOptions, openExport } from "../../src/exports/stream-export.ts"
import { systemClock } from "../../src/lib/time.ts"
import { plainInput } from "../support/csv-lists.ts"
import { parseEventLine } from "../support/event-lines.ts"
import { createFailingSource, createTestSource, memberOf, membersOf } from "../support/members.ts"

type Line = Record<string, unknown> & { $export?: string; id?: string; cursor?: string }

const lists = { a: membersOf(25), none: [], b: membersOf(3) }
const idsOf = (lines: readonly Line[]) => lines.filter((line) => !line.$export).map(({ id }) => id)
const allIds = [...lists.a, ...lists.b].map(({ id }) => id)

const sealCursor = async (cursor: Cursor) => encodeCursor(cursor).toHex()
const openCursor = (text: unknown) => decodeCursor(Uint8Array.fromHex(String(text)))

/** A source whose pages take a second each, and its clock. */
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

/** The lines of an export with events, up to the end or a failure, and that failure. */
async function linesOf(options: Partial<ExportOptions> = {}): Promise<{ lines: Line[]; broken?: unknown }> {
  const stream = await openExport({
    lists: [{ id: "a", name: "First", estimate: 25 }, { id: "none", name: "None" }, { id: "b" }],
    selection: parseSelection({}),
    format: ndjson,
    encoderInput: plainInput,
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
    .map((line) => (line.startsWith('{"$export":') ? parseEventLine(line) : JSON.parse(line)))
}

describe("event lines", () => {
  test("surround the members: a start, a checkpoint after each page that took a second, an end", async () => {
    const { lines } = await linesOf(secondAPage())
    expect(lines[0]).toEqual({
      $export: "start",
      id: "e1",
      horizon: "2033-05-18T03:33:09Z",
      lists: [{ id: "a", name: "First", estimate: 25 }, { id: "none", name: "None" }, { id: "b" }],
    })
    expect(idsOf(lines)).toEqual(allIds)
    const kinds = lines.map((line) => line.$export ?? "member")
    // The page of the last list was requested before the preceding page was written.
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

  test("have a checkpoint after the first page, and then every 1,000 rows or every second, not after each page", async () => {
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
    // Every page but the first repeats a row of the preceding page, which is not written again.
    expect(rowsAt((await linesOf(paged(() => 0))).lines)).toEqual([101, 1101, 2101, 3101])
    expect(rowsAt((await linesOf(paged((nth) => (nth === 7 ? 1000 : 0)))).lines).slice(0, 3)).toEqual([
      101, 701, 1701,
    ])
    expect(rowsAt((await linesOf(paged(() => 500))).lines).slice(0, 4)).toEqual([101, 301, 501, 701])
  })

  test("have a checkpoint every second even while lists without rows are read", async () => {
    const clock = secondAPage()
    const none = Array.from({ length: 5 }, (_, index) => ({ id: `none-${index}` }))
    const { lines } = await linesOf({ ...clock, lists: none })
    const cursors = lines
      .filter((line) => line.$export === "checkpoint")
      .map(({ cursor }) => openCursor(cursor))
    expect(cursors.map(({ lists }) => lists.filter(({ isDone }) => isDone).length)).toEqual([2, 3, 4])
  })

  test("have the current state in the cursors of error and end, however long ago the last checkpoint was", async () => {
    const failure = new AppError(
      "mailchimp_error",
      "Cannot read the members because Mailchimp failed: list a",
    )
    const clock = { ...systemClock, monotonicMs: () => 0, sleep: async () => {} }
    const { lines } = await linesOf({ source: createFailingSource(lists, 3, failure), clock })
    expect(lines.filter((line) => line.$export === "checkpoint")).toHaveLength(1)
    const rest = await linesOf({ lists: [{ id: "a" }], cursor: openCursor(lines.at(-1)?.cursor) })
    const [received, repeated] = [idsOf(lines), idsOf(rest.lines).filter((id) => idsOf(lines).includes(id))]
    expect(received.length).toBeGreaterThan(10)
    expect(repeated.length).toBeLessThanOrEqual(1)
  })

  test("omit Mailchimp's count of a list that was done before, if the count did not fit into the cursor", async () => {
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

  test("let a consumer resume from any checkpoint", async () => {
    const { lines } = await linesOf(secondAPage())
    const checkpoints = lines.flatMap((line, index) => (line.$export === "checkpoint" ? [index] : []))
    expect(checkpoints.length).toBe(4)
    for (const index of checkpoints) {
      const received = idsOf(lines.slice(0, index))
      const rest = await linesOf({ cursor: openCursor(lines[index]?.cursor) })
      expect(new Set([...received, ...idsOf(rest.lines)])).toEqual(new Set(allIds))
      // The rows of one second may repeat, and in these lists each second has one row.
      expect(received.length + idsOf(rest.lines).length).toBeLessThanOrEqual(allIds.length + 1)
      expect(rest.lines.at(-1)).toMatchObject({ $export: "end", status: "complete" })
    }
  })

  test("start the next export from an end, with changed rows, new lists and deleted lists", async () => {
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

  test("report a failure with a cursor to resume from, and still truncate the transfer", async () => {
    const upstream = { status: 500, title: "Internal Server Error" }
    const failure = new AppError(
      "mailchimp_error",
      "Cannot read the members because Mailchimp failed: list a",
      {
        upstream,
      },
    )
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

  test("report a list that cannot be read, and end short: the next export reads only that list whole", async () => {
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
      lists: [
        { id: "a", rows: 10, short: true, code: "mailchimp_forbidden" },
        { id: "none" },
        { id: "b", rows: 3 },
      ],
    })
    // The position of a failed list is kept while the export can be resumed, and dropped at its end.
    const resumed = await linesOf({ cursor: openCursor(checkpoint?.cursor) })
    expect(idsOf(resumed.lines)).toEqual(expect.arrayContaining(lists.a.slice(10).map(({ id }) => id)))
    const next = await linesOf({ cursor: openCursor(end?.cursor) })
    expect(idsOf(next.lines)).toEqual(lists.a.map(({ id }) => id))
    const deletedLists = await linesOf({
      cursor: openCursor(end?.cursor),
      lists: [{ id: "none" }, { id: "b" }],
    })
    expect(deletedLists.lines).toContainEqual(expect.objectContaining({ $export: "deleted", list_id: "a" }))
  })

  test("report a list that is deleted during the export, without a failure", async () => {
    const failure = new AppError(
      "list_not_found",
      "Cannot read the members because Mailchimp knows no such list",
    )
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

  test("give each list an as_of, even if it was done before the export was aborted", async () => {
    const selection = parseSelection({ before_last_changed: new Date("2033-01-01T00:00:00Z") })
    const { lines } = await linesOf({ selection, ...secondAPage() })
    for (const { cursor } of lines.filter(({ $export }) => $export === "checkpoint")) {
      const rest = await linesOf({ selection, cursor: openCursor(cursor) })
      const asOf = "2033-05-18T03:33:09Z"
      expect(rest.lines.at(-1)).toMatchObject({ lists: [{ as_of: asOf }, { as_of: asOf }, { as_of: asOf }] })
    }
  })

  test("end cleanly but short if Mailchimp hides a row of a list: the next export reads it again", async () => {
    const hidden = [...lists.b, memberOf(4, { isHidden: true })]
    const source = createTestSource({ ...lists, b: hidden }, { pageSize: 10 })
    const { lines, broken } = await linesOf({ source })
    expect(broken).toBeUndefined()
    expect(new Set(idsOf(lines))).toEqual(new Set([...allIds, ...hidden.map(({ id }) => id)]))
    const end = lines.at(-1)
    expect(end).toMatchObject({ $export: "end", status: "short" })
    expect(end).toMatchObject({ lists: [{ id: "a" }, { id: "none" }, { id: "b", short: true }] })
    expect(JSON.stringify(end).match(/"short":true/g)).toHaveLength(1)
    const next = await linesOf({ cursor: openCursor(end?.cursor) })
    expect(idsOf(next.lines)).toEqual(lists.b.map(({ id }) => id))
    expect(next.lines.at(-1)).toMatchObject({ status: "complete" })
  })

  test("end cleanly, with each row once, if Mailchimp counts a row that does not exist, and report the difference", async () => {
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

  test("have no cursor at the end of an export with an upper bound, because later changes were not read", async () => {
    const before = new Date(String(lists.a[9]?.last_changed))
    const { lines } = await linesOf({ selection: parseSelection({ before_last_changed: before }) })
    expect(idsOf(lines)).toEqual([...lists.a.slice(0, 10), ...lists.b].map(({ id }) => id))
    expect(lines.at(-1)).not.toHaveProperty("cursor")
  })

  test("show what the export waits for", async () => {
    const { promise: responded, resolve: respond } = Promise.withResolvers<void>()
    let requested = 0
    const source = createTestSource(lists, {
      pageSize: 10,
      response: async (_query, _signal, page) => {
        requested += 1
        if (requested === 2) await responded
        return page()
      },
    })
    let rings = 0
    const clock = {
      ...systemClock,
      sleep: async () => {
        rings += 1
        if (rings > 3) respond()
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
