import { expect, test } from "bun:test"
import { createResponseDeadline } from "../../src/exports/response-deadline.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

test("leaves 30 s in all until the response begins, and then no limit of its own", async () => {
  const clock = createVirtualClock()
  const deadline = createResponseDeadline(clock)
  expect(deadline.leftMs()).toBe(30_000)
  await clock.advance(29_000)
  expect(deadline.leftMs()).toBe(1000)
  await clock.advance(2000)
  expect(deadline.leftMs()).toBe(0)
  deadline.responseBegins()
  expect(deadline.leftMs()).toBeUndefined()
})
