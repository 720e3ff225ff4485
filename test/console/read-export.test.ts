import { expect, test } from "bun:test"
import type { EventLine } from "../../src/client/types.ts"
import { streamOf } from "../support/stream-of.ts"
import { type Block, countLines, membersOf, readBlocks, rowsByList } from "../../src/console/read-export.ts"

const rowOf = (list_id: string, id: number) => `${JSON.stringify({ id: String(id), name: '{"$', list_id })}\n`
const event = '{"$export":"checkpoint","cursor":"c","rows":2}\n'
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

async function read(body: string, chunk: number, needsRows = () => true) {
  const stream = streamOf(new TextEncoder().encode(body), chunk)
  const found = { rows: "", count: 0, events: Array.of<EventLine>() }
  for await (const items of readBlocks(stream, needsRows))
    for (const item of items)
      if ("bytes" in item) {
        found.rows += text(item.bytes)
        found.count += item.rows
      } else found.events.push(item)
  return found
}

test.each([1, 7, 64, 10_000])(
  "rows stay bytes and event lines are parsed, in chunks of %d bytes",
  async (chunk) => {
    const rows = [rowOf("a", 1), rowOf("ä", 2), rowOf("a", 3)]
    const body = `${event}${rows[0]}\n${rows[1]}${event}\n\n${rows[2]}${event}`
    const found = await read(body, chunk)
    expect(found.rows).toBe(rows.join(""))
    expect(found.count).toBe(3)
    expect(found.events).toEqual(Array(3).fill(JSON.parse(event)))
  },
)

test.each([1, 7, 64, 10_000])(
  "rows that are not needed are counted, and the last is kept, in chunks of %d bytes",
  async (chunk) => {
    const rows = Array.from({ length: 5 }, (_, id) => rowOf("a", id))
    const body = `${rows.join("")}${event}${rows.join("\n")}${event}`
    const found = await read(body, chunk, () => false)
    expect(found.count).toBe(10)
    expect(found.events).toHaveLength(2)
    expect(found.rows).toEndWith(rows[4] ?? "none")
    expect(found.rows.length).toBeLessThanOrEqual(chunk < 100 ? 3 * (rows[4]?.length ?? 0) : body.length)
  },
)

test("what a broken transfer leaves after the last event line is dropped", async () => {
  const body = `${rowOf("a", 1)}${event}${rowOf("a", 2)}{"id":"3"`
  expect(await read(body, 5)).toEqual({ rows: rowOf("a", 1), count: 1, events: [JSON.parse(event)] })
})

test("more rows than were ever held at once are read whole", async () => {
  const rows = Array.from({ length: 50_000 }, (_, id) => rowOf("a".repeat(50), id)).join("")
  const { count, rows: found } = await read(`${rows}${event}${rows}${event}`, 60_000)
  expect(count).toBe(100_000)
  expect(found === rows + rows).toBe(true)
})

function blockOf(...lists: readonly string[]): Block {
  return { bytes: new TextEncoder().encode(lists.map(rowOf).join("")), rows: lists.length }
}

test("the rows of a block are counted by list", () => {
  const lists = [..."aaaaaaabbbcc"]
  const counts = new Map<string | undefined, number>()
  for (const { listId, rows } of rowsByList(blockOf(...lists)))
    counts.set(listId, (counts.get(listId) ?? 0) + rows)
  expect(Object.fromEntries(counts)).toEqual({ a: 7, b: 3, c: 2 })
})

test("the first members of a block are parsed", () => {
  const block = blockOf(..."aabb")
  expect(membersOf(block, 3).map(({ id }) => id)).toEqual(["0", "1", "2"])
  expect(membersOf(block, 9)).toHaveLength(4)
  expect(countLines(block.bytes)).toBe(4)
})
