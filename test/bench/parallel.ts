/**
 * How near exports come to what Mailchimp allows: ten requests at once, here of 300 ms each, and no rate. No list can be
 * read faster than its pages by tens, so times are given over that limit. And what many exports at once cost each other.
 */
import { consume } from "./support/consumer.ts"
import { startSandboxProcess } from "./support/sandbox-process.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { measuredHead, number, printTable, sizeOf, spread } from "./support/table.ts"

const members = sizeOf("BENCH_MEMBERS", 200_000)
const manyMembers = sizeOf("BENCH_MANY_MEMBERS", 1_000_000)
const fewMembers = sizeOf("BENCH_FEW_MEMBERS", 20_000)
const listCount = sizeOf("BENCH_LISTS", 100)
const accountCount = sizeOf("BENCH_ACCOUNTS", 100)
const accountMembers = sizeOf("BENCH_ACCOUNT_MEMBERS", 10_000)
const runs = sizeOf("BENCH_RUNS", 5)

const latencyMs = 300
const permits = 10
const pageRows = 1000
/** Of each list, with a tenth of them archived, as is a tenth of all that the sandbox invents. */
const shortListMembers = 2000
/** Bulk imports: each gives its members one second, and the first one is more than a page. */
const imports = [1500, 900]

await using sandbox = await startSandboxProcess([], {
  accounts: [
    account(1, [members, manyMembers, fewMembers].map(withArchived)),
    account(2, Array<number>(listCount).fill(shortListMembers)),
    account(3, [withArchived(members)], imports),
    ...Array.from({ length: accountCount }, (_, index) =>
      account(100 + index, [withArchived(accountMembers)]),
    ),
  ],
})
await using service = await startServiceUnderLoad(sandbox, {
  MAILCHIMP_REQUESTS_PER_SECOND: "1000",
  MAILCHIMP_MAX_CONNECTIONS: String(permits),
})
const [large, short, imported, ...each] = await connectAll()
if (!large || !short || !imported) throw new Error("The sandbox has too few accounts")
const [list, longList, shortList] = large.lists.map(({ id }) => `/${id}`)

await exportOf(large, list)
const crowds = await repeat(async () => {
  const one = await rateOf(async () => {
    let rows = 0
    for (const account of each.slice(0, 10)) rows += (await exportOf(account)).rows
    return rows
  })
  const times: number[] = []
  const all = await rateOf(async () => {
    const exported = await Promise.all(each.map((account) => exportOf(account)))
    times.push(...exported.map(({ durationMs }) => durationMs))
    return exported.reduce((sum, { rows }) => sum + rows, 0)
  })
  return { gain: all / one, slowest: Math.max(...times) / Math.min(...times) }
})
// The sandbox, on the same two cores, makes a page within its 300 ms, not after them.
await sandbox.set({ latencyMs, evaluate: "before-latency" })
const one = await repeat(() => exportOf(large, list))
const withImports = await repeat(() => exportOf(imported))
const long = await exportOf(large, longList)
const few = await repeat(() => exportOf(large, shortList))
const lists = await repeat(() => exportOf(short))

const ofLimit = ({ durationMs, rows }: Exported) => durationMs / ((rows / pageRows / permits) * latencyMs)
/** The first page beside the rows to split at, the pages of each part, and what has changed meanwhile. */
const ofRounds = ({ durationMs, rows }: Exported) =>
  durationMs / ((2 + Math.round(rows / pageRows / permits)) * latencyMs)
const ofListsLimit = ({ durationMs }: Exported) =>
  durationMs / (((listCount * Math.ceil(shortListMembers / pageRows)) / permits) * latencyMs)

printTable(
  `Side by side: ${permits} requests of ${latencyMs} ms at once, ${runs} runs: the median (and the spread)`,
  measuredHead,
  [
    [
      `${number(one[0]?.rows ?? 0)} members, time over the limit`,
      spread(one.map(ofLimit), " ×", 2),
      "1.25 ×",
    ],
    [
      `as many, with bulk imports of ${imports.map((size) => number(size)).join(" and ")}`,
      spread(withImports.map(ofLimit), " ×", 2),
    ],
    [`${number(long.rows)} members, once`, `${number(ofLimit(long), 2)} ×`, "1.10 ×"],
    [
      `${number(few[0]?.rows ?? 0)} members, time over that of four rounds of requests`,
      spread(few.map(ofRounds), " ×", 2),
      "1.20 ×",
    ],
    [
      `${listCount} lists of ${number(shortListMembers)}, a tenth of them archived`,
      spread(lists.map(ofListsLimit), " ×", 2),
      "1.20 ×",
    ],
    [
      `${accountCount} exports of as many accounts at once, no latency: their rate over that of one at a time`,
      spread(
        crowds.map(({ gain }) => gain),
        " ×",
        2,
      ),
      "at least 0.9 ×",
    ],
    [
      "the slowest of them over the fastest",
      spread(
        crowds.map(({ slowest }) => slowest),
        " ×",
        2,
      ),
      "1.2 ×",
    ],
  ],
)

type Connected = Awaited<ReturnType<typeof connectAll>>[number]
type Exported = { readonly rows: number; readonly durationMs: number }

function account(userId: number, sizes: readonly number[], imports: readonly number[] = []) {
  const lists = sizes.map((count, index) => ({ name: `List ${index}`, count, imports }))
  return { userId, accountName: `Account ${userId}`, lists }
}

/** The size of a list of which `exported` members are exported: a tenth of those that the sandbox invents is archived. */
function withArchived(exported: number): number {
  return Math.ceil(exported / 0.9)
}

async function connectAll() {
  const connected = []
  for (const { userId, lists } of sandbox.accounts) {
    await sandbox.set({ consentingUserId: userId })
    connected.push({ lists, headers: await service.connect() })
  }
  return connected
}

function exportOf({ headers }: Connected, path = ""): Promise<Exported> {
  return consume(`${service.api}/export${path}`, headers)
}

/** Rows a millisecond. */
async function rateOf(work: () => Promise<number>): Promise<number> {
  const startedMs = performance.now()
  const rows = await work()
  return rows / (performance.now() - startedMs)
}

async function repeat<T>(run: () => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (let index = 0; index < runs; index += 1) results.push(await run())
  return results
}
