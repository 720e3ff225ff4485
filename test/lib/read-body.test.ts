import { describe, expect, test } from "bun:test"
import { gzipSync } from "node:zlib"
import { acceptEncoding, readBody } from "../../src/lib/read-body.ts"
import { TooLarge } from "../../src/lib/too-large.ts"
import { until } from "../support/until.ts"

const text = '{"members":[]}'

function response(body: Uint8Array<ArrayBuffer>, coding?: string): Response {
  return new Response(body, coding === undefined ? {} : { headers: { "content-encoding": coding } })
}

const plain = new Uint8Array(Buffer.from(text))
const packed = new Uint8Array(gzipSync(text))

async function read(response: Response): Promise<string> {
  return Buffer.from((await readBody(response, { maxBytes: 2 ** 20 })).bytes).toString()
}

describe("readBody()", () => {
  test("inflates gzip, and returns a body without a coding unchanged", async () => {
    expect(acceptEncoding).toBe("gzip")
    expect(await read(response(packed, "gzip"))).toBe(text)
    expect(await read(response(packed, "GZIP"))).toBe(text)
    expect(await read(response(packed, "x-gzip"))).toBe(text)
    expect(await read(response(plain, "identity"))).toBe(text)
    expect(await read(response(plain))).toBe(text)
  })

  test("treats a missing body as empty, whatever its coding", async () => {
    expect(await read(new Response(null, { status: 304, headers: { "content-encoding": "gzip" } }))).toBe("")
  })

  test.each(["br", "zstd", "deflate", "gzip, gzip"])("refuses the coding %s", async (coding) => {
    await expect(read(response(packed, coding))).rejects.toThrow(coding)
  })

  test("refuses a body that is not gzip, or is truncated", async () => {
    await expect(read(response(plain, "gzip"))).rejects.toThrow()
    await expect(read(response(packed.slice(0, -1), "gzip"))).rejects.toThrow()
  })

  test("returns an empty body if that of a failed response cannot be read, because its status says enough", async () => {
    const headers = { "content-encoding": "gzip" }
    expect(await read(new Response(plain, { status: 401, headers }))).toBe("")
    expect(await read(new Response(plain, { status: 503, headers: { "content-encoding": "br" } }))).toBe("")
    expect(await read(new Response(packed, { status: 429, headers }))).toBe(text)
  })

  test("also returns a compressed body as it was sent", async () => {
    const body = await readBody(response(packed.slice(), "gzip"), { maxBytes: 2 ** 20 })
    expect(Buffer.compare(body.compressed ?? plain, packed)).toBe(0)
    expect(await readBody(response(plain), { maxBytes: 2 ** 20 })).toEqual({ bytes: plain })
  })

  test("inflates in the turn that it is given, not before", async () => {
    const turns: (() => void)[] = []
    const nextTurn = () => new Promise<void>((resolve) => turns.push(resolve))
    let isRead = false
    const reading = readBody(response(packed, "gzip"), { maxBytes: 2 ** 20, nextTurn }).finally(
      () => (isRead = true),
    )
    await until("a turn to inflate", () => turns.length > 0)
    await Bun.sleep(0)
    expect(isRead).toBe(false)
    turns[0]?.()
    expect((await reading).bytes.length).toBe(text.length)
  })
})

const MB = 2 ** 20

/** A server on a socket, and how many bytes of a body it could send before the connection was closed. */
function serve(headers: Record<string, string>, pieces: () => AsyncGenerator<Uint8Array>) {
  const sent = { bytes: 0, ended: Promise.withResolvers<void>() }
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    development: false,
    idleTimeout: 0,
    fetch: (request) => {
      request.signal.addEventListener("abort", () => sent.ended.resolve())
      const body = async function* () {
        try {
          for await (const piece of pieces()) {
            sent.bytes += piece.length
            yield piece
          }
        } finally {
          sent.ended.resolve()
        }
      }
      return new Response(body(), { headers })
    },
  })
  const request = () => fetch(server.url, { decompress: false })
  return { request, sent, [Symbol.asyncDispose]: () => server.stop(true) }
}

async function* zeros(count: number) {
  for (let made = 0; made < count; made += 1) yield new Uint8Array(MB)
}

describe("readBody() counts", () => {
  test("a body as it arrives, and closes the connection beyond the limit", async () => {
    await using server = serve({}, () => zeros(2000))
    await expect(readBody(await server.request(), { maxBytes: 4 * MB })).rejects.toThrow(TooLarge)
    await server.sent.ended.promise
    expect(server.sent.bytes).toBeLessThan(64 * MB)
  })

  test("a body whose Content-Length is too large as too large, without reading it", async () => {
    const announced = new Response(new Uint8Array(10), { headers: { "content-length": String(5 * MB) } })
    await expect(readBody(announced, { maxBytes: 4 * MB })).rejects.toMatchObject({ bytes: 5 * MB })
  })

  test("a chunked body by its chunks, whatever its Content-Length says", async () => {
    const body = new Response(new Uint8Array(5 * MB), {
      headers: { "content-length": "3", "transfer-encoding": "chunked" },
    })
    await expect(readBody(body, { maxBytes: 4 * MB })).rejects.toThrow(TooLarge)
  })

  test.each([true, false])("a body of exactly the limit as allowed, gzip %p", async (isPacked) => {
    const whole = crypto.getRandomValues(new Uint8Array(60_000))
    const body = () => (isPacked ? response(new Uint8Array(gzipSync(whole)), "gzip") : response(whole))
    const maxBytes = isPacked ? gzipSync(whole).length : whole.length
    expect((await readBody(body(), { maxBytes })).bytes.length).toBe(whole.length)
    await expect(readBody(body(), { maxBytes: whole.length - 1 })).rejects.toThrow(TooLarge)
  })

  test("the body of a failed response, and returns an empty one beyond the limit", async () => {
    for (const headers of [{ "content-encoding": "gzip" }, {}]) {
      const bytes = "content-encoding" in headers ? gzipSync(new Uint8Array(64 * MB)) : new Uint8Array(3 * MB)
      const failure = new Response(new Uint8Array(bytes), { status: 502, headers })
      expect((await readBody(failure, { maxBytes: 32 * MB })).bytes.length).toBe(0)
    }
  })
})

describe("readBody() inspects", () => {
  /** Text that compresses to about a third. */
  const words = Array.from({ length: 400_000 }, () => Math.random().toString(36).slice(2, 7)).join(" word ")

  test.each([true, false])(
    "the beginning of a large body once, while the body arrives, gzip %p",
    async (isPacked) => {
      const heads: string[] = []
      const whole = Buffer.from(words)
      const bytes = isPacked ? gzipSync(whole) : whole
      async function* pieces() {
        for (let start = 0; start < bytes.length; start += 100_000)
          yield bytes.subarray(start, start + 100_000)
      }
      await using server = serve(isPacked ? { "content-encoding": "gzip" } : {}, pieces)
      const inspect = (head: Uint8Array) => void heads.push(Buffer.from(head).toString())
      const { bytes: body } = await readBody(await server.request(), { maxBytes: 64 * MB, inspect })
      expect(Buffer.compare(body, whole)).toBe(0)
      expect(heads).toHaveLength(1)
      expect(heads[0]?.length).toBeGreaterThan(100_000)
      expect(words.startsWith(heads[0] ?? "none")).toBe(true)
    },
  )

  test("and stops reading if that throws", async () => {
    await using server = serve({}, () => zeros(2000))
    const refusal = new Error("too much")
    const inspect = () => {
      throw refusal
    }
    await expect(readBody(await server.request(), { maxBytes: 4000 * MB, inspect })).rejects.toBe(refusal)
    await server.sent.ended.promise
    expect(server.sent.bytes).toBeLessThan(64 * MB)
  })

  test("no small body, and an empty beginning if it cannot be inflated", async () => {
    const heads: number[] = []
    const inspect = (head: Uint8Array) => void heads.push(head.length)
    await readBody(response(packed, "gzip"), { maxBytes: MB, inspect })
    expect(heads).toEqual([])
    const garbage = new Uint8Array(MB)
    await expect(readBody(response(garbage, "gzip"), { maxBytes: 2 * MB, inspect })).rejects.toThrow()
    expect(heads).toEqual([0])
  })
})
