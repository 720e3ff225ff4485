/**
 * The console reads and saves a large export: how fast beside curl, and how much memory the page takes for it. The sandbox and the
 * service are processes of their own.
 */
import { openBarePage } from "./support/bare-page.ts"
import { MB } from "./support/process-stats.ts"
import { startSandboxProcess } from "./support/sandbox-process.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { measuredHead, number, printTable, sizeOf, spread } from "./support/table.ts"

const members = sizeOf("BENCH_MEMBERS", 222_000)
const runs = sizeOf("BENCH_RUNS", 5)

await using sandbox = await startSandboxProcess([members])
await using service = await startServiceUnderLoad(sandbox)
const token = service.headers["authorization"]?.replace("Bearer ", "")
await using page = await openBarePage(`${new URL(service.api).origin}/console#token=${token}`)
// The browser's own dialog would wait for a person.
await page.evaluate("delete window.showSaveFilePicker")
await page.evaluate(until("document.querySelector('.ways')"))
await page.evaluate("void document.querySelectorAll('[name=format]')[1].click()")

const ways = { shown: "Show here", saved: "Save to a file" }
const seconds = { curl: Array.of<number>(), shown: Array.of<number>(), saved: Array.of<number>() }
const growth = { peak: Array.of<number>(), after: Array.of<number>(), heap: Array.of<number>() }
let rows = 0
// In turns, because others may use the machine, too. The first round warms up.
for (let round = 0; round <= runs; round += 1) {
  const curl = await runCurl()
  const heapBefore = await page.heapBytes()
  const before = page.memory().bytes
  page.forgetPeak()
  const shown = await runPage(ways.shown)
  const { peakBytes } = page.memory()
  const heap = (await page.heapBytes()) - heapBefore
  const after = page.memory().bytes - before
  const saved = await runPage(ways.saved)
  if (round === 0) continue
  seconds.curl.push(curl)
  seconds.shown.push(shown)
  seconds.saved.push(saved)
  growth.peak.push((peakBytes - before) / MB)
  growth.after.push(after / MB)
  growth.heap.push(heap / MB)
}

const rate = (all: readonly number[]) => spread(all.map((each) => rows / each))
const timesCurl = (all: readonly number[]) =>
  spread(
    all.map((each, index) => (seconds.curl[index] ?? 0) / each),
    " ×",
    2,
  )
printTable(`The console, ${number(rows)} members, ${runs} runs: the median (and the spread)`, measuredHead, [
  ["curl, rows a second", rate(seconds.curl), ""],
  ["shown in Chromium, rows a second", rate(seconds.shown), ""],
  ["the same, times curl's", timesCurl(seconds.shown), "at least 0.8 ×"],
  ["saved as NDJSON, rows a second", rate(seconds.saved), ""],
  ["the same, times curl's", timesCurl(seconds.saved), ""],
  ["page's memory at most, over that before", spread(growth.peak, " MB"), "10 MB"],
  ["page's memory afterwards, over that before", spread(growth.after, " MB"), "10 MB"],
  ["JavaScript heap after a collection, over that before", spread(growth.heap, " MB"), "10 MB"],
])

async function runCurl(): Promise<number> {
  const startedMs = performance.now()
  const headers = Object.entries(service.headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`])
  const url = `${service.api}/export?events=true`
  const child = Bun.spawn(["curl", "-sN", "--fail-with-body", ...headers, url, "-o", "/dev/null"])
  if ((await child.exited) !== 0) throw new Error("curl failed")
  return (performance.now() - startedMs) / 1000
}

/** Seconds from the click to the proof that everything came. */
async function runPage(label: string): Promise<number> {
  const isDone = "/Done|Saved|broke/.test(document.querySelector('.run h3')?.textContent)"
  const { ms, text } = await page.evaluate<{ ms: number; text: string }>(`(async () => {
    document.querySelector(".outcome").replaceChildren()
    const startedMs = performance.now()
    ;[...document.querySelectorAll("button")].find((button) => button.textContent === "${label}").click()
    await ${until(isDone)}
    return { ms: performance.now() - startedMs, text: document.querySelector(".run").textContent }
  })()`)
  const [, count = ""] = /^(?:Done|Saved)([\d,]+)/.exec(text) ?? []
  if (count === "") throw new Error(`The export failed: ${text}`)
  rows = Number(count.replaceAll(",", ""))
  return ms / 1000
}

/** A promise in the page that resolves when a condition holds. */
function until(condition: string): string {
  return `new Promise((resolve) => {
    const timer = setInterval(() => { if (${condition}) { clearInterval(timer); resolve() } }, 5)
  })`
}
