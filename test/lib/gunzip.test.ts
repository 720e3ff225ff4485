import { expect, test } from "bun:test"
import { gzipSync } from "node:zlib"
import * as fc from "fast-check"
import { gunzip } from "../../src/lib/gunzip.ts"
import { TooLarge } from "../../src/lib/too-large.ts"

const MB = 2 ** 20

function gzip(data: string | Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(gzipSync(data))
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts))
}

function textOf(bytes: Uint8Array<ArrayBuffer>, maxBytes = MB): string {
  return Buffer.from(gunzip(bytes, maxBytes)).toString()
}

test("gunzip() returns what was compressed, in one gzip member or several, also of equal length", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 2000 }), { minLength: 1 }), (parts) => {
      const whole = Buffer.concat(parts)
      const once = gunzip(gzip(whole), MB)
      const inParts = gunzip(join(...parts.map(gzip)), MB)
      expect(Buffer.compare(once, whole)).toBe(0)
      expect(Buffer.compare(inParts, whole)).toBe(0)
    }),
  )
  expect(textOf(join(gzip("ab"), gzip("ab")))).toBe("abab")
})

test("gunzip() inflates a part of a larger buffer", () => {
  const [before, packed] = [gzip("before"), gzip("rows")]
  const all = join(before, packed, gzip("after"))
  expect(textOf(all.subarray(before.length, before.length + packed.length))).toBe("rows")
})

test("gunzip() refuses truncated gzip, wherever it ends, in either library", () => {
  const rows = "0123456789".repeat(50)
  for (const packed of [gzip(rows), join(gzip("a"), gzip(rows))]) {
    // A second member is recognized by its first three bytes.
    const least = packed.length === gzip(rows).length ? 0 : gzip("a").length + 3
    for (let length = least; length < packed.length; length += 1)
      expect(() => gunzip(packed.slice(0, length), MB)).toThrow()
  }
})

test("gunzip() refuses gzip with a changed byte", () => {
  const packed = gzip("0123456789".repeat(50))
  // The rest of the header is a time, a system and a speed, which are ignored.
  for (const index of [0, 1, 2, ...Array.from({ length: packed.length - 10 }, (_, offset) => offset + 10)]) {
    const damaged = packed.slice()
    damaged[index] = (damaged[index] ?? 0) ^ 0x55
    expect(() => gunzip(damaged, MB)).toThrow()
  }
  expect(() => gunzip(new Uint8Array(Buffer.from("<html></html>")), MB)).toThrow()
})

test("gunzip() ignores padding after the gzip", () => {
  expect(textOf(join(gzip("rows"), new Uint8Array(9)))).toBe("rows")
  expect(textOf(join(gzip("one"), gzip("two"), new Uint8Array(9)))).toBe("onetwo")
})

test("gunzip() refuses a bomb by its length before it inflates anything, and one with a false length as soon as it exceeds the limit", () => {
  const before = process.memoryUsage().rss
  const honest = gzip(new Uint8Array(256 * MB))
  const lying = honest.slice()
  new DataView(lying.buffer).setUint32(lying.length - 4, 1000, true)
  for (const bomb of [honest, lying, join(honest, honest), join(honest, gzip("a little"))]) {
    expect(() => gunzip(bomb, 4 * MB)).toThrow(TooLarge)
  }
  // The compressed bytes once, and a few times the limit.
  expect(process.memoryUsage().rss - before).toBeLessThan((256 + 64) * MB)
})

test("gunzip() ignores a final length that is impossible", () => {
  const rows = "0123456789".repeat(50)
  expect(textOf(join(gzip(rows), new Uint8Array([0, 255, 255, 255, 255])))).toBe(rows)
})

test("gunzip() refuses output beyond the limit, also if the final length is within it", () => {
  const zeros = gzip(new Uint8Array(4 * MB))
  expect(gunzip(zeros, 4 * MB).length).toBe(4 * MB)
  expect(() => gunzip(zeros, 4 * MB - 1)).toThrow()
  expect(() => gunzip(join(zeros, gzip("a little")), MB)).toThrow()
  expect(() => gunzip(join(zeros, new Uint8Array([1, 0, 0, 0])), MB)).toThrow()
})
