import { afterAll, expect, test } from "bun:test"
import { createExportCheck } from "../../src/dev/check-export.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import type { EventLine } from "../../src/exports/event-lines.ts"
import { readLines } from "../support/event-lines.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"

const pageSize = 100
const marginS = 1
const permits = 4
const kills = 20
const lists = [
  { name: "Busy", count: 6000, imports: [250] },
  { name: "Other", count: 1500, imports: [125] },
]

const mailchimp = startSandbox({ decision: "approve", latencyMs: 5, accounts: [{ lists }] })
const { sandbox } = mailchimp
const services = serviceProcesses(mailchimp, {
  CURSOR_MARGIN_S: String(marginS),
  MAILCHIMP_PAGE_SIZE: String(pageSize),
  MAILCHIMP_MAX_CONNECTIONS: String(permits),
})
afterAll(async () => {
  await services.end()
  await mailchimp.stop()
})

test("an export that is killed (-9) 20 times and resumed from the last checkpoint received is exact, and repeats little", async () => {
  let service = await services.start()
  const headers = await connectAccount(service)
  const listIds = sandbox.state.accounts.flatMap(({ lists }) => lists.map(({ id }) => id))
  sandbox.churn.start({ everyPage: { edits: 5, archives: 1, additions: 2 } })
  const startedMs = Date.now()
  const check = createExportCheck(sandbox, listIds, startedMs)
  const killAt = randomMoments()
  const received = createReceived()

  let cursor: string | undefined
  let longestCursor = 0
  let end: Extract<EventLine, { $export: "end" }> | undefined
  while (end === undefined) {
    const query = cursor === undefined ? "" : `&cursor=${cursor}`
    const response = await fetch(`${service.api}/export?events=true${query}`, { headers })
    expect(response.status).toBe(200)
    received.beginLeg()
    let isKilled = false
    try {
      for await (const line of readLines(response)) {
        if ("row" in line) {
          check.take(line.row)
          received.take(line.row)
        } else if (line.event.$export === "checkpoint") {
          cursor = line.event.cursor
          longestCursor = Math.max(longestCursor, cursor.length)
          received.confirm()
        } else if (line.event.$export === "end") end = line.event
        if (isKilled || received.versions() < (killAt[0] ?? Infinity)) continue
        killAt.shift()
        isKilled = true
        await service.kill()
        // In every other round the consumer also stops in the middle of a page, and reads what is still on its way.
        if (killAt.length % 2 === 0) break
      }
    } catch (error) {
      // A killed service breaks the transfer: what was received until then counts.
      if (!isBrokenTransfer(error)) throw error
    }
    if (isKilled) service = await services.start()
  }
  sandbox.churn.stop()

  expect(killAt).toEqual([])
  expect(end.status).toBe("complete")
  expect(longestCursor).toBeLessThan(4096)
  const asOf = new Map(end.lists.map((list) => [list.id, Date.parse(list.as_of ?? "")]))
  const report = check.report(Date.now(), (listId) => asOf.get(listId) ?? 0)
  expect(report).toMatchObject({ missing: 0, stale: 0, backwards: 0, foreign: 0 })

  // A window is split only for a spare permit, so a list has at most as many open windows as there are permits. Each
  // window resumes at the last second that it reached, and repeats its rows.
  const windows = permits * lists.length
  const legs = received.legs().slice(1)
  console.info(
    "repeated rows of closed seconds / number of these seconds:",
    legs.map(({ rows, seconds }) => `${rows}/${seconds.size}`).join(" "),
  )
  expect(legs).toHaveLength(kills)
  for (const { rows, seconds } of legs) {
    expect(rows).toBeLessThanOrEqual(windows * pageSize + received.mostOfASecond())
    expect(seconds.size).toBeLessThanOrEqual(windows)
  }
}, 120_000)

/** The numbers of received versions after which to kill, spread over the whole export, in ascending order. */
function randomMoments(): number[] {
  // Archived members are not in the export, and no kill may come after its end.
  const least = 0.9 * lists.reduce((sum, { count }) => sum + count, 0)
  return Array.from({ length: kills }, () => Math.ceil(Math.random() * least)).toSorted((a, b) => a - b)
}

/** What a consumer has received of an export, and what each resumed leg of it repeats. */
function createReceived() {
  /** For each row the leg whose checkpoint first covered it. */
  const confirmedIn = new Map<string, number>()
  const idsBySecond = new Map<string, Set<string>>()
  const legs: { readonly openMs: number; rows: number; readonly seconds: Set<string> }[] = []
  const versions = new Set<string>()
  let unconfirmed: string[] = []
  let confirmedMs = -Infinity

  return {
    versions: () => versions.size,
    mostOfASecond: () => Math.max(...Array.from(idsBySecond.values(), (ids) => ids.size)),
    legs: () => legs,
    beginLeg: () => {
      unconfirmed = []
      // Rows of seconds that were still open at the checkpoint must be repeated. Mailchimp's clock, which the
      // responses show in
      // whole seconds, may be two seconds behind when a page is requested.
      legs.push({ openMs: confirmedMs - (marginS + 2) * 1000, rows: 0, seconds: new Set() })
    },
    take: (row: string) => {
      const { list_id: listId, id, last_changed: changed } = JSON.parse(row)
      const second = `${listId} ${changed}`
      idsBySecond.set(second, (idsBySecond.get(second) ?? new Set()).add(id))
      versions.add(row)
      unconfirmed.push(row)
      const leg = legs.at(-1)
      if (!leg || (confirmedIn.get(row) ?? Infinity) >= legs.length || Date.parse(changed) > leg.openMs)
        return
      leg.rows += 1
      leg.seconds.add(second)
    },
    confirm: () => {
      for (const row of unconfirmed) if (!confirmedIn.has(row)) confirmedIn.set(row, legs.length)
      unconfirmed = []
      confirmedMs = Date.now()
    },
  }
}

function isBrokenTransfer(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ECONNRESET"
}
