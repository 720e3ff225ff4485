import { expect, test } from "bun:test"
import { type HeldBody, holdBody } from "../../src/console/hold-body.ts"
import { streamOf } from "../support/stream-of.ts"

const bytes = new TextEncoder().encode("0123456789")
/** A body as older browsers have it. */
const olderStreamOf = (bytes: Uint8Array, chunk: number) =>
  streamOf(bytes, chunk).pipeThrough(new TransformStream<Uint8Array, Uint8Array>())
const text = ({ bytes }: HeldBody) => new TextDecoder().decode(bytes)

test.each([
  ["a browser", streamOf],
  ["an older browser", olderStreamOf],
])("in %s, holds what arrived and was not removed", async (_, toStream) => {
  const held = holdBody(toStream(bytes, 4))
  expect(await held.fill()).toBe(true)
  expect(text(held)).toBe("0123")
  held.remove(1, 3)
  expect(text(held)).toBe("03")
  expect(await held.fill()).toBe(true)
  expect(text(held)).toBe("034567")
  held.remove(0, 6)
  expect(await held.fill()).toBe(true)
  expect(text(held)).toBe("89")
  expect(await held.fill()).toBe(false)
})

test.each([
  ["a browser", streamOf],
  ["an older browser", olderStreamOf],
])("in %s, holds more than was ever held", async (_, toStream) => {
  const many = crypto.getRandomValues(new Uint8Array(65_536))
  const all = new Uint8Array(80 * many.length)
  for (let at = 0; at < all.length; at += many.length) all.set(many, at)
  const held = holdBody(toStream(all, 3 * many.length))
  let seen = held.bytes
  while (await held.fill()) seen = held.bytes.slice()
  expect(Buffer.compare(seen, all)).toBe(0)
})

test("cancels the body", async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const held = holdBody(new ReadableStream<Uint8Array>({ type: "bytes", cancel: () => resolve() }))
  await held.cancel()
  await promise
})
