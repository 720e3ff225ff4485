import { expect, test } from "bun:test"
import { createDemoOutput } from "../../src/dev/demo-output.ts"

const exact = { rows: 3, members: 3, missing: 0, stale: 0, backwards: 0, foreign: 0 }
const summary = {
  rows: 3,
  durationMs: 1500,
  requests: 4,
  peakBytes: 2 ** 20,
  made: { edits: 1, deletions: 2, additions: 3 },
  file: "members.ndjson",
}

function capture(isTTY: boolean) {
  let text = ""
  const output = createDemoOutput({ isTTY, write: (chunk) => (text += chunk) })
  return { output, text: () => text }
}

test("the summary says whether every member is there", () => {
  const { output, text } = capture(false)
  output.summarize({ ...summary, report: exact })
  expect(text()).toContain("3 rows in 1.5 s")
  expect(text()).toEndWith("Every member is there.\n")
  output.summarize({ ...summary, report: { ...exact, stale: 1 } })
  expect(text()).toEndWith("The export is NOT exact.\n")
})

test("progress is a bar on a terminal, otherwise a line for every 5,000 rows", () => {
  const terminal = capture(true)
  const bar = terminal.output.startProgress(10)
  bar.show(5)
  bar.end()
  expect(terminal.text()).toContain(`${"█".repeat(15)}${"░".repeat(15)} 5 of about 10`)
  const pipe = capture(false)
  const lines = pipe.output.startProgress(20_000)
  for (const rows of [1000, 6000, 7000, 11_500]) lines.show(rows)
  lines.end()
  expect(pipe.text()).toBe("  6,000 of about 20,000\n  11,500 of about 20,000\n")
})
