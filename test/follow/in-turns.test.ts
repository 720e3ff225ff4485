import { expect, test } from "bun:test"
import { inTurns } from "../../src/follow/in-turns.ts"

test("each chunk is passed on in another turn of the event loop", async () => {
  let turn = 0
  let isEnded = false
  const count = () => {
    turn += 1
    if (!isEnded) setImmediate(count)
  }
  setImmediate(count)
  async function* bytes() {
    for (const byte of [1, 2, 3]) yield Uint8Array.of(byte)
  }
  const turns: number[] = []
  const received: Uint8Array[] = []
  for await (const chunk of inTurns(bytes())) {
    turns.push(turn)
    received.push(chunk)
  }
  isEnded = true
  expect(Buffer.concat(received)).toEqual(Buffer.of(1, 2, 3))
  expect(new Set(turns).size).toBe(3)
})

test("a consumer that leaves ends the bytes, and a failure is passed on", async () => {
  let isLeft = false
  async function* bytes() {
    try {
      yield Uint8Array.of(1)
      throw new Error("no more")
    } finally {
      isLeft = true
    }
  }
  for await (const _ of inTurns(bytes())) break
  expect(isLeft).toBe(true)
  const failing = inTurns(bytes())
  await failing.next()
  await expect(failing.next()).rejects.toThrow("no more")
})
