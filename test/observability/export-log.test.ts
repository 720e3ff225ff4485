import { expect, test } from "bun:test"
import { logEvents } from "../../src/observability/log-events.ts"
import { createLogger } from "../../src/observability/logger.ts"
import type { EventOf } from "../../src/observability/observe.ts"

const list = {
  type: "list",
  listId: "a1",
  rows: 2,
  totalItems: 2,
  asOf: 1_795_391_011,
  isShort: false,
  countDiffers: 0,
  isReadAgain: false,
  hasOddSince: false,
  hasDatedAhead: false,
} as const

function log(...events: EventOf<"export">["event"][]): unknown[] {
  const lines: string[] = []
  const observe = logEvents(createLogger("info", { write: (line) => void lines.push(line) }))
  for (const event of events) observe({ type: "export", requestId: "r1", event })
  return lines.map((line) => JSON.parse(line))
}

test("each list has a line, with the date of its as_of if known", () => {
  const [known, unknown] = log(list, { ...list, asOf: Number.POSITIVE_INFINITY })
  expect(known).toMatchObject({
    level: "info",
    request_id: "r1",
    list_id: "a1",
    rows: 2,
    total_items: 2,
    as_of: "2026-11-22T23:43:31.000Z",
    msg: "export: list",
  })
  expect(unknown).not.toHaveProperty("as_of")
})

test("a short list is logged as a warning, a failure as an error, and a page at level debug", () => {
  const levels = log(
    { ...list, isShort: true },
    { ...list, hasOddSince: true },
    { type: "page", listId: "a1", rows: 1, bytes: 10 },
    { type: "stalled" },
    { type: "failed", rows: 1, error: new Error("x") },
    { type: "left", rows: 1 },
    { type: "completed", rows: 1, shortLists: ["a1"] },
    { type: "completed", rows: 1, shortLists: [] },
  )
  expect(levels).toMatchObject([
    { level: "warn" },
    { level: "warn" },
    { level: "warn", msg: "export: its consumer does not read" },
    { level: "error", msg: "export failed" },
    { level: "info", msg: "export left" },
    { level: "warn", msg: "export ended short", short_lists: ["a1"] },
    { level: "info", msg: "export completed" },
  ])
})
