import { expect, test } from "bun:test"
import { gzipSync } from "node:zlib"
import * as fc from "fast-check"
import { gunzip } from "../../src/lib/gunzip.ts"

const MB = 2 ** 20

function gzip(data: string | Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(gzipSync(data))
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts))
}

async function textOf(bytes: Uint8Array<ArrayBuffer>, mostBytes = MB): Promise<string> {
  return Buffer.from(await gunzip(bytes, mostBytes)).toString()
}

test("gunzip() gives back what was packed, in one part or several, also of equal length", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 2000 }), { minLength: 1 }), async (parts) => {
      const whole = Buffer.concat(parts)
      const once = await gunzip(gzip(whole), MB)
      const inParts = await gunzip(join(...parts.map(gzip)), MB)
      expect(Buffer.compare(once, whole)).toBe(0)
      expect(Buffer.compare(inParts, whole)).toBe(0)
    }),
  )
  expect(await textOf(join(gzip("ab"), gzip("ab")))).toBe("abab")
})

test("gunzip() takes a part of a larger buffer for what it is", async () => {
  const [before, packed] = [gzip("before"), gzip("rows")]
  const all = join(before, packed, gzip("after"))
  expect(await textOf(all.subarray(before.length, before.length + packed.length))).toBe("rows")
})

test("gunzip() refuses gzip that is cut, wherever it is cut, and whoever inflates it", async () => {
  const rows = "0123456789".repeat(50)
  for (const packed of [gzip(rows), join(gzip("a"), gzip(rows))]) {
    // Of a second part three bytes must be there, or else nothing tells that there was one.
    const least = packed.length === gzip(rows).length ? 0 : gzip("a").length + 3
    for (let length = least; length < packed.length; length += 1)
      await expect(gunzip(packed.slice(0, length), MB)).rejects.toThrow()
  }
})

test("gunzip() refuses gzip of which a byte is another one", async () => {
  const packed = gzip("0123456789".repeat(50))
  // The header tells a time, a system and a speed, which nobody reads.
  for (const place of [0, 1, 2, ...Array.from({ length: packed.length - 10 }, (_, index) => index + 10)]) {
    const damaged = packed.slice()
    damaged[place] = (damaged[place] ?? 0) ^ 0x55
    await expect(gunzip(damaged, MB)).rejects.toThrow()
  }
  await expect(gunzip(new Uint8Array(Buffer.from("<html></html>")), MB)).rejects.toThrow()
})

test("gunzip() leaves alone what a server pads with", async () => {
  expect(await textOf(join(gzip("rows"), new Uint8Array(9)))).toBe("rows")
  expect(await textOf(join(gzip("one"), gzip("two"), new Uint8Array(9)))).toBe("onetwo")
})

test("gunzip() refuses what holds more than it may, also where its end says otherwise", async () => {
  const zeros = gzip(new Uint8Array(4 * MB))
  expect((await gunzip(zeros, 4 * MB)).length).toBe(4 * MB)
  await expect(gunzip(zeros, 4 * MB - 1)).rejects.toThrow()
  await expect(gunzip(join(zeros, gzip("a little")), MB)).rejects.toThrow()
  await expect(gunzip(join(zeros, new Uint8Array([1, 0, 0, 0])), MB)).rejects.toThrow()
})
