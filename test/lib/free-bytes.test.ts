import { expect, test } from "bun:test"
import { freeBytes } from "../../src/lib/free-bytes.ts"

test("freeBytes() frees a buffer that the bytes do not share", () => {
  const bytes = new Uint8Array([1, 2, 3])
  freeBytes(bytes)
  expect(bytes.length).toBe(0)
  expect(bytes.buffer.byteLength).toBe(0)
  expect(() => freeBytes(bytes)).not.toThrow()
})

test("freeBytes() leaves a shared buffer alone", () => {
  const shared = new Uint8Array([1, 2, 3])
  freeBytes(shared.subarray(1))
  expect([...shared]).toEqual([1, 2, 3])
})
