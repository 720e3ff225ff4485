import { expect, test } from "bun:test"
import { createHeldBack } from "../../../../src/exports/formats/csv/held-back.ts"

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()

test("createHeldBack() holds back the last bytes until others take their place", () => {
  const held = createHeldBack(4)
  expect(text(held.hold(Buffer.from("abc")))).toBe("")
  expect(text(held.bytes())).toBe("abc")
  expect(text(held.hold(Buffer.from("abcdefgh")))).toBe("abcd")
  expect(text(held.bytes())).toBe("efgh")
  expect(text(held.rest())).toBe("efgh")
  expect(text(held.rest())).toBe("")
})

test("createHeldBack() sends a byte at a time when nothing comes, each once", () => {
  const held = createHeldBack(3)
  expect(text(held.hold(Buffer.from("abcdef")))).toBe("abc")
  expect(text(held.piece()) + text(held.piece())).toBe("de")
  expect(text(held.bytes())).toBe("f")
  expect([held.piece(), held.piece()].map(text)).toEqual(["f", ""])
})

test("createHeldBack() keeps a copy of the last bytes, not the whole page", () => {
  const held = createHeldBack(3)
  const bytes = Buffer.from("abcdef")
  held.hold(bytes)
  bytes.fill("x")
  const rest = held.rest()
  expect(text(rest)).toBe("def")
  expect(rest.buffer.byteLength).toBe(3)
})
