import { expect, test } from "bun:test"
import { createProgress } from "../../../src/command/pull/progress.ts"
import { createVirtualClock } from "../../support/virtual-clock.ts"

function start(isBar: boolean, columns?: number) {
  const clock = createVirtualClock()
  let text = ""
  const output = {
    isTTY: isBar,
    columns,
    write: async (data: string | Uint8Array) => {
      text += String(data)
    },
  }
  return { clock, progress: createProgress(output, { isBar, clock }), text: () => text }
}

test("without a terminal a plain line is written every five seconds, also while nothing arrives", async () => {
  const { clock, progress, text } = start(false)
  progress.begin(1000)
  progress.show(0)
  progress.show(100)
  await clock.advance(4900)
  expect(text()).toBe("")
  await clock.advance(200)
  progress.show(100, "rate_limit")
  await clock.advance(5000)
  expect(text()).toBe(
    "10%  100 of about 1,000  20/s  0:45 left\n10%  100 of about 1,000  10/s  1:30 left  waits for Mailchimp's rate limit\n",
  )
  progress.end()
  expect(clock.sleepers()).toBe(0)
})

test("a bar is drawn ten times a second at most, in one line, which the end removes", async () => {
  const { clock, progress, text } = start(true, 20)
  progress.begin(1000)
  for (let rows = 0; rows < 50; rows += 1) progress.show(rows)
  expect(text()).toBe(`\r\u001B[K${"░".repeat(12)}  0%  0`)
  await clock.advance(1000)
  progress.note("A sentence")
  progress.end()
  progress.end()
  expect(text().split("\r\u001B[K").slice(2)).toEqual(["4%  49  0:20 left", "A sentence\n", ""])
})

test("a terminal that does not tell its width counts as 80 columns", () => {
  for (const columns of [undefined, 0]) {
    const { progress, text } = start(true, columns)
    progress.begin(1000)
    progress.show(500)
    progress.end()
    expect(text()).toContain("█")
    expect(text().length).toBeLessThan(90)
  }
})
