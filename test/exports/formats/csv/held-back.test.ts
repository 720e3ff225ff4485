import { expect, test } from "bun:test"
import { createHeldBack } from "../../../../src/exports/formats/csv/held-back.ts"

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()

test("createHeldBack() holds back the last bytes until more bytes come", () => {
  const held = createHeldBack(4)
  expect(text(held.add(Buffer.from("abc")))).toBe("")
  expect(text(held.add(Buffer.from("defgh")))).toBe("abcd")
  expect(text(held.add(Buffer.from("")))).toBe("")
  expect(text(held.rest())).toBe("efgh")
  expect(text(held.rest())).toBe("")
})

test("createHeldBack() sends a byte at a time when nothing comes, each once", () => {
  const held = createHeldBack(3)
  expect(text(held.add(Buffer.from("abcdef")))).toBe("abc")
  expect(text(held.piece()) + text(held.piece())).toBe("de")
  expect(text(held.add(Buffer.from("gh")))).toBe("")
  expect([held.piece(), held.piece(), held.piece(), held.piece()].map(text)).toEqual(["f", "g", "h", ""])
  expect(text(held.add(Buffer.from("ijkl")))).toBe("i")
  expect(text(held.rest())).toBe("jkl")
})

test("createHeldBack() keeps a copy of the last bytes, not the whole page", () => {
  const held = createHeldBack(3)
  const bytes = Buffer.from("abcdef")
  held.add(bytes)
  bytes.fill("x")
  const rest = held.rest()
  expect(text(rest)).toBe("def")
  expect(rest.buffer.byteLength).toBe(3)
})
