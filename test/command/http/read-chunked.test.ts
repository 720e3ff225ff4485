import { expect, test } from "bun:test"
import { array, assert, asyncProperty, integer, uint8Array } from "fast-check"
import { readChunked } from "../../../src/command/http/read-chunked.ts"

/** Reads the text in pieces that are cut at these points, all in one buffer, as a socket has them. */
function readerOf(bytes: Uint8Array, cuts: readonly number[] = []) {
  const points = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
  const buffer = Buffer.alloc(bytes.length)
  let next = 1
  return async () => {
    const [start, end] = [points[next - 1], points[next]]
    next += 1
    if (start === undefined || end === undefined) return undefined
    buffer.fill(0)
    buffer.set(bytes.subarray(start, end))
    return buffer.subarray(0, end - start)
  }
}

async function dataOf(bytes: Uint8Array, cuts?: readonly number[]): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of readChunked(readerOf(bytes, cuts))) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

function toChunked(chunks: readonly Uint8Array[]): Buffer {
  const framed = chunks.flatMap((chunk) => [`${chunk.length.toString(16)}\r\n`, chunk, "\r\n"])
  return Buffer.concat(
    [...framed, "0\r\n\r\n"].map((part) => (typeof part === "string" ? Buffer.from(part) : part)),
  )
}

test("readChunked() yields the data of all chunks, for any division into pieces", async () => {
  const chunks = array(uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 5 })
  await assert(
    asyncProperty(chunks, array(integer({ min: 0, max: 300 })), async (chunks, cuts) => {
      const bytes = toChunked(chunks)
      const inside = cuts.filter((cut) => cut <= bytes.length)
      expect(await dataOf(bytes, inside)).toEqual(Buffer.concat(chunks))
    }),
    { numRuns: 300 },
  )
})

test("readChunked() knows extensions, upper case, and trailers", async () => {
  const text = "A;name=value\r\n0123456789\r\n00\r\nexpires: never\r\n\r\n"
  expect(String(await dataOf(Buffer.from(text)))).toBe("0123456789")
})

test.each(["", "a\r\n01234", "a\r\n0123456789\r\n", "a\r\n0123456789\r\n0"])(
  "readChunked() throws if the response ends early: %j",
  async (text) => {
    await expect(dataOf(Buffer.from(text))).rejects.toThrow("ended before its last chunk")
  },
)

test.each(["<html>\r\n", "-1\r\n", "12345678900\r\n", "1 2\r\n"])(
  "readChunked() throws if there is something else: %j",
  async (text) => {
    await expect(dataOf(Buffer.from(text))).rejects.toThrow("something else than a chunk")
  },
)
