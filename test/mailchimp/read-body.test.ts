import { describe, expect, test } from "bun:test"
import { gzipSync } from "node:zlib"
import { acceptEncoding, readBody } from "../../src/mailchimp/read-body.ts"

const text = '{"members":[]}'

function answer(body: Uint8Array<ArrayBuffer>, coding?: string): Response {
  return new Response(body, coding === undefined ? {} : { headers: { "content-encoding": coding } })
}

const atOnce = async () => {}
const plain = new Uint8Array(Buffer.from(text))
const packed = new Uint8Array(gzipSync(text))

async function read(response: Response): Promise<string> {
  return Buffer.from(await readBody(response, atOnce)).toString()
}

describe("readBody()", () => {
  test("inflates gzip, and takes a body without a coding as it is", async () => {
    expect(acceptEncoding).toBe("gzip")
    expect(await read(answer(packed, "gzip"))).toBe(text)
    expect(await read(answer(packed, "GZIP"))).toBe(text)
    expect(await read(answer(packed, "x-gzip"))).toBe(text)
    expect(await read(answer(plain, "identity"))).toBe(text)
    expect(await read(answer(plain))).toBe(text)
  })

  test("takes no body for an empty one, whatever its coding", async () => {
    expect(await read(new Response(null, { status: 304, headers: { "content-encoding": "gzip" } }))).toBe("")
  })

  test.each(["br", "zstd", "deflate", "gzip, gzip"])("refuses the coding %s", async (coding) => {
    await expect(read(answer(packed, coding))).rejects.toThrow(coding)
  })

  test("refuses gzip that is none, or is cut", async () => {
    await expect(read(answer(plain, "gzip"))).rejects.toThrow()
    await expect(read(answer(packed.slice(0, -1), "gzip"))).rejects.toThrow()
  })

  test("gives an empty body for that of a failure which cannot be read, as its status says enough", async () => {
    const headers = { "content-encoding": "gzip" }
    expect(await read(new Response(plain, { status: 401, headers }))).toBe("")
    expect(await read(new Response(plain, { status: 503, headers: { "content-encoding": "br" } }))).toBe("")
    expect(await read(new Response(packed, { status: 429, headers }))).toBe(text)
  })

  test("inflates in the turn that it is given, and not before", async () => {
    const turns: (() => void)[] = []
    const nextTurn = () => new Promise<void>((resolve) => turns.push(resolve))
    let isRead = false
    const reading = readBody(answer(packed, "gzip"), nextTurn).finally(() => (isRead = true))
    while (turns.length === 0) await Bun.sleep(0)
    await Bun.sleep(0)
    expect(isRead).toBe(false)
    turns[0]?.()
    expect((await reading).length).toBe(text.length)
  })
})
