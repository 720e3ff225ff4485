import { expect, test } from "bun:test"
import { array, assert, asyncProperty, integer } from "fast-check"
import { lastRow, readRowBytes } from "../../../src/command/pull/row-bytes.ts"

const line = (event: object) => JSON.stringify({ $export: "checkpoint", ...event })

/** All chunks are in one buffer, each until the next is read, as a socket has them. */
function bodyOf(chunks: readonly Uint8Array[]) {
  const buffer = new Uint8Array(Math.max(...chunks.map(({ length }) => length)))
  const left = [...chunks]
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        const chunk = left.shift()
        if (!chunk) return controller.close()
        buffer.fill(0)
        buffer.set(chunk)
        controller.enqueue(buffer.subarray(0, chunk.length))
      },
    },
    { highWaterMark: 0 },
  )
}

/** Rows as text, and event lines as they are. Neighboring rows are joined, because chunks divide them anywhere. */
async function read(chunks: readonly Uint8Array[]) {
  const items: unknown[] = []
  for await (const item of readRowBytes(bodyOf(chunks))) {
    const before = items.at(-1)
    if ("$export" in item) {
      items.push(item)
      continue
    }
    const text = item.bytes.toString()
    expect(item.count).toBe(text.split("\n").length - 1)
    if (typeof before === "string") items.splice(-1, 1, before + text)
    else items.push(text)
  }
  return items
}

test("readRowBytes() divides rows and event lines wherever the chunks are cut", async () => {
  const text = `${line({ rows: 0 })}\n{"id":"1","n":"ä$export"}\n{"id":"2"}\n${line({ rows: 2 })}\n${line({ rows: 3 })}\n{"id":"3"}\n{"half`
  const bytes = new TextEncoder().encode(text)
  const expected = [
    { $export: "checkpoint", rows: 0 },
    '{"id":"1","n":"ä$export"}\n{"id":"2"}\n',
    { $export: "checkpoint", rows: 2 },
    { $export: "checkpoint", rows: 3 },
    '{"id":"3"}\n',
  ]
  await assert(
    asyncProperty(array(integer({ min: 0, max: bytes.length })), async (cuts) => {
      const points = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
      const chunks = points.slice(1).map((end, index) => bytes.slice(points[index], end))
      expect(await read(chunks)).toEqual(expected)
    }),
    { numRuns: 200 },
  )
})

test("readRowBytes() skips empty lines between event lines and rows", async () => {
  expect(await read([new TextEncoder().encode(`\n${line({})}\n\n{"id":"1"}\n`)])).toEqual([
    { $export: "checkpoint" },
    '{"id":"1"}\n',
  ])
})

test("lastRow() is a copy of the last row", () => {
  const bytes = Buffer.from('{"id":"1"}\n{"id":"2"}\n')
  expect(String(lastRow({ bytes, count: 2 }))).toBe('{"id":"2"}\n')
  const first = lastRow({ bytes: bytes.subarray(0, 11), count: 1 })
  // The next read uses the same buffer.
  bytes.fill(0)
  expect(String(first)).toBe('{"id":"1"}\n')
})
