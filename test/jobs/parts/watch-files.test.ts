import { expect, test } from "bun:test"
import type { JobEvent } from "../../../src/jobs/job-event.ts"
import { watchFiles } from "../../../src/jobs/parts/watch-files.ts"
import { systemClock } from "../../../src/lib/time.ts"

test("files that cannot be reached are reported once, at the start too, and again when they can", async () => {
  const events: JobEvent["type"][] = []
  let [nowMs, looks, isDown] = [0, 0, true]
  const names = async () => {
    looks += 1
    if (isDown) throw new Error("down")
    return []
  }
  const clock = { ...systemClock, monotonicMs: () => nowMs }
  const watch = watchFiles({ files: { names }, clock, onEvent: ({ type }) => void events.push(type) })
  await Bun.sleep(1)
  expect(events).toEqual(["job_files_down"])
  expect([await watch.isUp(), await watch.isUp(), looks]).toEqual([false, false, 1])
  nowMs = 16_000
  expect([await watch.isUp(), looks]).toEqual([false, 2])
  isDown = false
  nowMs = 32_000
  expect([await watch.isUp(), await watch.isUp(), looks]).toEqual([true, true, 3])
  expect(events).toEqual(["job_files_down", "job_files_up"])
})

test("files that do not respond for two seconds are down", async () => {
  const names = () => new Promise<never>(() => {})
  const clock = { ...systemClock, sleep: async () => {} }
  expect(await watchFiles({ files: { names }, clock, onEvent: () => {} }).isUp()).toBe(false)
})
