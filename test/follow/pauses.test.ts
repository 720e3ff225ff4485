import { expect, test } from "bun:test"
import { createPauses } from "../../src/follow/pauses.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

/** A tail whose passes read lists as told, and when each of its pauses ended, in milliseconds. */
async function pausesOf(
  passesRead: readonly boolean[],
  act: (pauses: ReturnType<typeof createPauses>) => void,
) {
  const clock = createVirtualClock()
  const pauses = createPauses()
  const { signal } = new AbortController()
  const endsMs: number[] = []
  const run = async () => {
    for (const hasRead of passesRead) {
      await pauses.pause((signal) => clock.sleep(1000, signal), { hasRead, signal })
      endsMs.push(clock.monotonicMs())
    }
  }
  const running = run()
  act(pauses)
  await clock.settle(running)
  expect(clock.sleepers()).toBe(0)
  return endsMs
}

test("a pause lasts a second, and ends early if the tail is woken", async () => {
  expect(await pausesOf([false, false], () => {})).toEqual([1000, 2000])
  expect(await pausesOf([false], (pauses) => pauses.wake())).toEqual([0])
})

test("after a pass that has read lists, or that was itself woken, nothing ends the pause early", async () => {
  expect(await pausesOf([true, true], (pauses) => pauses.wake())).toEqual([1000, 2000])
  const pauses = createPauses()
  const { signal } = new AbortController()
  const clock = createVirtualClock()
  const pause = () => pauses.pause((signal) => clock.sleep(1000, signal), { hasRead: false, signal })
  const endsMs: number[] = []
  for (let count = 0; count < 4; count += 1) {
    pauses.wake()
    await clock.settle(pause())
    endsMs.push(clock.monotonicMs())
  }
  expect(endsMs).toEqual([0, 1000, 1000, 2000])
})

test("a pause rejects with the reason of its signal, woken or not", async () => {
  const clock = createVirtualClock()
  const pauses = createPauses()
  const end = new AbortController()
  const { signal } = end
  const reason = new Error("left")
  const pause = pauses.pause((signal) => clock.sleep(1000, signal), { hasRead: false, signal })
  end.abort(reason)
  pauses.wake()
  await expect(pause).rejects.toBe(reason)
  expect(clock.sleepers()).toBe(0)
})
