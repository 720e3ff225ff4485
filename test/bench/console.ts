/**
 * The console reads and saves a large export: how fast beside curl, and how much memory the page takes for it. The least that a page
 * can do, which is to fetch and read, is measured in the same page. The sandbox and the service are processes of their own.
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

const exportUrl = `${service.api}/export?events=true`
const compressed = {}
/** In a request for a range, browsers accept no compression. */
const plain = { range: "bytes=0-" }
const contestants = {
  curl: () => runCurl(),
  curlCompressed: () => runCurl("--compressed"),
  bare: () => runBarePage(plain),
  bareCompressed: () => runBarePage(compressed),
  shown: () => runConsole("Show here"),
  saved: () => runConsole("Save to a file"),
}
type Name = keyof typeof contestants
type Measured = {
  readonly seconds: number
  readonly peakMB: number
  readonly afterMB: number
  readonly heapMB: number
}
const measured: Record<Name, Measured[]> = {
  curl: [],
  curlCompressed: [],
  bare: [],
  bareCompressed: [],
  shown: [],
  saved: [],
}
const names = Object.keys(contestants).filter((name): name is Name => name in contestants)
let rows = 0
// In turns, because others may use the machine, too. The first round warms up.
for (let round = 0; round <= runs; round += 1)
  for (const name of names) {
    const figures = await measure(contestants[name])
    if (round > 0) measured[name].push(figures)
  }

const secondsOf = (name: Name) => measured[name].map(({ seconds }) => seconds)
const rate = (name: Name) => spread(secondsOf(name).map((each) => rows / each))
const timesCurl = (name: Name) =>
  spread(
    secondsOf(name).map((each, index) => (secondsOf("curl")[index] ?? 0) / each),
    " ×",
    2,
  )
const rateRows = (name: Name, label: string, limit = "") => [
  [`${label}, rows a second`, rate(name), ""],
  ["the same, times curl's", timesCurl(name), limit],
]
const memory = (name: Name, figure: "peakMB" | "afterMB" | "heapMB") =>
  spread(
    measured[name].map((each) => each[figure]),
    " MB",
  )
printTable(`The console, ${number(rows)} members, ${runs} runs: the median (and the spread)`, measuredHead, [
  ["curl, rows a second", rate("curl"), ""],
  ...rateRows("curlCompressed", "curl --compressed"),
  ...rateRows("bare", "a page that only reads"),
  ...rateRows("bareCompressed", "a page that only reads, compressed"),
  ...rateRows("shown", "shown in Chromium", "at least 0.8 ×"),
  ...rateRows("saved", "saved as NDJSON"),
  ["a page that only reads: its memory at most, over that before", memory("bare", "peakMB"), ""],
  ["shown: the page's memory at most, over that before", memory("shown", "peakMB"), "10 MB"],
  ["shown: the page's memory afterwards, over that before", memory("shown", "afterMB"), "10 MB"],
  ["shown: JavaScript heap after a collection, over that before", memory("shown", "heapMB"), "10 MB"],
])

async function measure(run: () => Promise<number>): Promise<Measured> {
  const heapBefore = await page.heapBytes()
  const before = page.memory().bytes
  page.forgetPeak()
  const seconds = await run()
  const { peakBytes } = page.memory()
  const heap = await page.heapBytes()
  const after = page.memory().bytes
  return {
    seconds,
    peakMB: (peakBytes - before) / MB,
    afterMB: (after - before) / MB,
    heapMB: (heap - heapBefore) / MB,
  }
}

async function runCurl(...options: readonly string[]): Promise<number> {
  const startedMs = performance.now()
  const headers = Object.entries(service.headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`])
  const child = Bun.spawn([
    "curl",
    "-sN",
    "--fail-with-body",
    ...options,
    ...headers,
    exportUrl,
    "-o",
    "/dev/null",
  ])
  if ((await child.exited) !== 0) throw new Error("curl failed")
  return (performance.now() - startedMs) / 1000
}

/** Seconds in which a page reads the export into the same memory, and does nothing else. */
async function runBarePage(headers: Readonly<Record<string, string>>): Promise<number> {
  const options = { cache: "no-store", headers: { ...service.headers, ...headers } }
  const ms = await page.evaluate<number>(`(async () => {
    const startedMs = performance.now()
    const response = await fetch(${JSON.stringify(exportUrl)}, ${JSON.stringify(options)})
    const reader = response.body.getReader({ mode: "byob" })
    let buffer = new ArrayBuffer(${256 * 1024})
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(buffer))
      if (done) return performance.now() - startedMs
      buffer = value.buffer
    }
  })()`)
  return ms / 1000
}

type Ended = { readonly ms: number; readonly heading: string; readonly numbers: string }

/** Seconds from the click to the proof that everything came. */
async function runConsole(label: string): Promise<number> {
  const isDone = "/Done|Saved|broke/.test(document.querySelector('.run h3')?.textContent)"
  const { ms, heading, numbers } = await page.evaluate<Ended>(`(async () => {
    document.querySelector(".outcome").replaceChildren()
    const startedMs = performance.now()
    ;[...document.querySelectorAll("button")].find((button) => button.textContent === "${label}").click()
    await ${until(isDone)}
    const [heading, numbers] = [".run h3", ".run .numbers"].map((part) => document.querySelector(part).textContent)
    return { ms: performance.now() - startedMs, heading, numbers }
  })()`)
  if (!/^(?:Done|Saved)$/.test(heading)) throw new Error(`The export failed: ${heading}, ${numbers}`)
  rows = Number(numbers.replaceAll(/\D/g, ""))
  return ms / 1000
}

/** A promise in the page that resolves when a change of the page makes a condition hold. */
function until(condition: string): string {
  return `new Promise((resolve) => {
    const isDone = () => ${condition} && (observer.disconnect(), resolve())
    const observer = new MutationObserver(isDone)
    observer.observe(document, { childList: true, characterData: true, subtree: true })
    isDone()
  })`
}
