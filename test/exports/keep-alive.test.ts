import { expect, test } from "bun:test"
import { createKeepAlive } from "../../src/exports/keep-alive.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

test("wait() fills the time until the promise settles, and write() puts the next fill off", async () => {
  const clock = createVirtualClock()
  const { write, wait } = createKeepAlive(clock)
  const written: number[] = []
  const take = (chunk: Uint8Array) => void (chunk.length > 0 && written.push(clock.monotonicMs()))
  async function waitMs(ms: number) {
    const waiting = wait(
      clock.sleep(ms).then(() => ({ waited: ms })),
      () => Buffer.from(" "),
    )
    let next = await waiting.next()
    for (; !next.done; next = await waiting.next()) take(next.value)
    return next.value.waited
  }
  expect(await clock.settle(waitMs(13_000))).toBe(13_000)
  expect(written).toEqual([2000, 12_000])
  for (const chunk of write(Buffer.from("row"))) take(chunk)
  for (const chunk of write(new Uint8Array())) take(chunk)
  await clock.settle(waitMs(9_999))
  expect(written).toEqual([2000, 12_000, 13_000])
  expect(clock.sleepers()).toBe(0)
})

test("wait() calls fill() every ten seconds, even if it has no bytes", async () => {
  const clock = createVirtualClock()
  const { wait } = createKeepAlive(clock)
  let asked = 0
  const waiting = wait(
    clock.sleep(35_000).then(() => ({})),
    () => {
      asked += 1
      return new Uint8Array()
    },
  )
  await clock.settle(waiting.next())
  expect(asked).toBe(4)
})
