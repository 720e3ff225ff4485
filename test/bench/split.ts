/** How long a page of 1,000 members takes to be split into its rows, in this process: nanoseconds a row. */
import { splitMembers } from "../../src/mailchimp/members/split-members.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { measuredHead, printTable, sizeOf, spread } from "./support/table.ts"

const runs = sizeOf("BENCH_RUNS", 15)
const count = 1000
const listId = "aaaaaaaaaa"
const sandbox = startSandbox({
  gzip: false,
  accounts: [{ tokens: ["token"], lists: [{ id: listId, name: "A", count: 2 * count }] }],
})
const page = await readPage()
await sandbox.stop()

const cases: [string, Uint8Array, readonly string[]][] = [
  ["as Mailchimp sends it", page, []],
  ["without last_changed", page, ["last_changed"]],
  ["every second id empty", edit(page, emptyIds), []],
  ["with white space, so that a parser splits it", edit(page, (text) => text.replace("[", " [")), []],
]
// By turns, so that what else the machine does meets all of them.
const results = cases.map((): number[] => [])
for (let run = -1; run < runs; run += 1) {
  cases.forEach(([, page, without], index) => {
    const ns = measure(page, without)
    if (run >= 0) results[index]?.push(ns)
  })
}
printTable(
  `Split: a page of ${count} members, ${page.length} bytes, ${runs} runs: the median (and the spread)`,
  measuredHead,
  cases.map(([name], index) => [name, spread(results[index] ?? [], " ns a row", 0)]),
)

async function readPage(): Promise<Uint8Array> {
  const path = `3.0/lists/${listId}/members?count=${count}&exclude_fields=members._links,_links`
  const response = await fetch(`${sandbox.url}/${path}`, { headers: { authorization: "Bearer token" } })
  return response.bytes()
}

function edit(page: Uint8Array, change: (text: string) => string): Uint8Array {
  return new Uint8Array(Buffer.from(change(Buffer.from(page).toString())))
}

function emptyIds(text: string): string {
  let row = 0
  return text.replaceAll(/\{"id":"[0-9a-f]{32}"/g, (head) => (row++ % 2 === 0 ? head : '{"id":""'))
}

function measure(page: Uint8Array, without: readonly string[]): number {
  const repeats = without.length > 0 ? 5 : 50
  let ms = 0
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const body = page.slice()
    const startedMs = performance.now()
    const rows = splitMembers(body, { count, offset: 0, listId, without })
    // What the scan needs of a page: the keys of its last rows, and the bytes.
    rows.id(rows.length - 1)
    rows.bytes(0, rows.length)
    ms += performance.now() - startedMs
    rows.release()
  }
  return (ms * 1e6) / (repeats * count)
}
