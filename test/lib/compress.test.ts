import { describe, expect, test } from "bun:test"
import {
  constants,
  createGunzip,
  createZstdDecompress,
  gunzipSync,
  inflateRawSync,
  zstdDecompressSync,
} from "node:zlib"
import { type Coding, compress } from "../../src/lib/compress.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

const codings = ["zstd", "gzip"] as const
const decompress = (coding: Coding, bytes: Uint8Array) =>
  (coding === "gzip" ? gunzipSync(bytes) : zstdDecompressSync(bytes)).toString()

async function* chunksOf(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

/** What is decoded of each chunk as soon as it arrives. */
async function decodedAtOnce(coding: Coding, chunks: AsyncGenerator<Uint8Array>): Promise<string[]> {
  const decoder = coding === "gzip" ? createGunzip() : createZstdDecompress()
  const texts: string[] = []
  let text = ""
  decoder.on("data", (bytes: Buffer) => (text += bytes.toString()))
  for await (const chunk of compress(chunks, coding)) {
    await new Promise((resolve) => decoder.write(chunk, resolve))
    texts.push(text)
    text = ""
  }
  return texts
}

describe.each(codings)("compress(), %s", (coding) => {
  test("gives the same bytes in the end, and nothing is an empty document", async () => {
    const page = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString("hex")
    const whole = await Array.fromAsync(compress(chunksOf("a", page, page, "b"), coding))
    expect(decompress(coding, Buffer.concat(whole))).toBe(`a${page}${page}b`)
    const empty = await Array.fromAsync(compress(chunksOf(), coding))
    expect(decompress(coding, Buffer.concat(empty))).toBe("")
  })

  test("a client can decode each chunk at once, also a single byte", async () => {
    expect((await decodedAtOnce(coding, chunksOf("first", "+", "second"))).slice(0, 3)).toEqual([
      "first",
      "+",
      "second",
    ])
  })

  test("pulls the next chunk only when the consumer has taken the previous one", async () => {
    let pulled = 0
    const stream = compress(
      (async function* () {
        for (;;) {
          pulled += 1
          yield Buffer.from("page")
        }
      })(),
      coding,
    )
    await stream.next()
    await Bun.sleep(20)
    expect(pulled).toBe(1)
    await stream.return(undefined)
  })

  test("tells that a chunk is copied before the consumer gets any of it, so that a stalled consumer holds no page", async () => {
    const page = Buffer.from(crypto.getRandomValues(new Uint8Array(300_000)))
    let copied = 0
    const chunks = (async function* () {
      yield page
      yield page
    })()
    const stream = compress(chunks, coding, () => {
      copied += 1
      // What was lent is gone from here on.
      page.fill(0)
    })
    const first = await stream.next()
    expect(first.value?.length).toBeLessThan(page.length)
    expect(copied).toBe(1)
    await stream.return(undefined)
  })

  test("fails with the source, and then lacks the end of a gzip", async () => {
    const failure = new Error("page 2 failed")
    const stream = compress(
      (async function* () {
        yield Buffer.from("page 1")
        throw failure
      })(),
      coding,
    )
    const sent: Uint8Array[] = []
    const run = async () => {
      for await (const chunk of stream) sent.push(chunk)
    }
    await expect(run()).rejects.toBe(failure)
    expect(sent.length).toBeGreaterThan(0)
    // Bun's zstd does not notice a missing end, so only a broken transfer tells.
    if (coding === "gzip") expect(() => decompress(coding, Buffer.concat(sent))).toThrow()
  })

  test("closes the source when the consumer leaves", async () => {
    let isClosed = false
    const stream = compress(
      (async function* () {
        try {
          yield Buffer.from("page")
          yield Buffer.from("page")
        } finally {
          isClosed = true
        }
      })(),
      coding,
    )
    await stream.next()
    await stream.return(undefined)
    expect(isClosed).toBe(true)
  })

  test("does not block the event loop", async () => {
    const page = Buffer.from(crypto.getRandomValues(new Uint8Array(20_000_000)))
    const stream = compress(
      (async function* () {
        yield page
      })(),
      coding,
    )
    let turns = 0
    const counting = setInterval(() => (turns += 1), 1)
    await Array.fromAsync(stream)
    clearInterval(counting)
    expect(turns).toBeGreaterThan(5)
  })
})

describe.each(codings)("compress(), %s, for a consumer who stops reading", (coding) => {
  const page = Buffer.from(crypto.getRandomValues(new Uint8Array(3000))).toString("hex")

  /** The chunks, when the consumer waits for this time before it takes the second. */
  async function chunksAfter(ms: number): Promise<Uint8Array[]> {
    const clock = createVirtualClock()
    const stream = compress(chunksOf(page, page, page), coding, () => {}, clock)
    const first = await stream.next()
    await clock.advance(ms)
    const others = await Array.fromAsync(stream)
    expect(clock.sleepers()).toBe(0)
    return [first.value ?? new Uint8Array(), ...others]
  }

  test.each([0, 999, 1000, 60_000])("gives the same bytes after %d ms", async (ms) => {
    expect(decompress(coding, Buffer.concat(await chunksAfter(ms)))).toBe(page.repeat(3))
  })

  if (coding === "gzip") {
    test("keeps nothing of the library's after a second: the next chunk refers to nothing before it", async () => {
      const inflate = (chunk: Uint8Array = new Uint8Array()) =>
        inflateRawSync(chunk, { finishFlush: constants.Z_SYNC_FLUSH }).toString()
      const [, within] = await chunksAfter(999)
      expect(() => inflate(within)).toThrow()
      const [, after] = await chunksAfter(1000)
      expect(inflate(after)).toBe(page)
    })
  }

  if (coding === "zstd") {
    test("keeps nothing of the library's after a second: the next chunk ends the frame, and begins another in the same piece", async () => {
      const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])
      const beginsFrame = (chunk: Uint8Array = new Uint8Array()) => Buffer.from(chunk).includes(magic)
      const [, within] = await chunksAfter(999)
      expect(beginsFrame(within)).toBe(false)
      const [, after = new Uint8Array()] = await chunksAfter(1000)
      expect(Buffer.from(after.subarray(0, 3))).toEqual(Buffer.from([1, 0, 0]))
      expect(zstdDecompressSync(Buffer.concat([after.subarray(3), Buffer.from([1, 0, 0])])).toString()).toBe(
        page,
      )
    })
  }

  test("gives the same bytes if they stop before the end", async () => {
    const clock = createVirtualClock()
    const stream = compress(chunksOf(page), coding, () => {}, clock)
    const first = await stream.next()
    await clock.advance(60_000)
    const others = await Array.fromAsync(stream)
    expect(decompress(coding, Buffer.concat([first.value ?? new Uint8Array(), ...others]))).toBe(page)
  })
})
