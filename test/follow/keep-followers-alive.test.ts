import { expect, test } from "bun:test"
import { keepFollowersAlive } from "../../src/follow/keep-followers-alive.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

test("an empty line is written every ten seconds until the signal aborts", async () => {
  const clock = createVirtualClock()
  const stop = new AbortController()
  let text = ""
  const push = ({ bytes }: { bytes: Uint8Array }) => void (text += new TextDecoder().decode(bytes))
  const ended = keepFollowersAlive({ push }, clock, stop.signal)
  await clock.advance(9_999)
  expect(text).toBe("")
  await clock.advance(20_001)
  expect(text).toBe("\n\n\n")
  stop.abort(new Error("Nobody follows any more"))
  await expect(ended).rejects.toThrow("Nobody follows any more")
  expect(clock.sleepers()).toBe(0)
})
