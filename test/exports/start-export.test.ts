import { describe, expect, test } from "bun:test"
import type { Account } from "../../src/connections/open-account.ts"
import { AppError } from "../../src/errors.ts"
import type { ExportEvent } from "../../src/exports/export-event.ts"
import { ndjson } from "../../src/exports/formats/ndjson.ts"
import { parseSelection } from "../../src/exports/selection.ts"
import { createStartExport } from "../../src/exports/start-export.ts"
import type { MailchimpRequest } from "../../src/mailchimp/attempt.ts"
import { createPageHistories } from "../../src/mailchimp/members/page-history.ts"
import { createSealer } from "../../src/sealer.ts"
import { until } from "../support/until.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"
import { membersOf, momentOf } from "../support/members.ts"

const pageSize = 10
const members = membersOf(25)
const deleted = new AppError(
  "list_not_found",
  "Cannot read the members because Mailchimp knows no such list: list a",
)

/** An account with one list whose pages arrive until the n-th fails. */
function setUp({ failAt = Number.POSITIVE_INFINITY } = {}) {
  const clock = createVirtualClock()
  const consumer = new AbortController()
  const pages: MailchimpRequest<unknown>["deadlineMs"][] = []
  let disposals = 0
  const events: ExportEvent[] = []
  const account: Account = {
    connection: {
      id: "c1",
      revision: "r1",
      owner: { accountId: "acme", uid: "u1" },
      accessToken: "token",
      metadata: { dc: "us1" },
      tokenInvalidated: false,
    },
    client: {
      request: async (request) => {
        request.signal.throwIfAborted()
        const query = request.query()
        const body = request.resource === "members" ? responseOf(request, query) : lists(request.listId)
        return request.parse(Buffer.from(JSON.stringify(body)), momentOf(2_000_000_000))
      },
      now: () => momentOf(2_000_000_000),
      waitUntil: async () => {},
      pause: async () => {},
      deadline: () => () => 30_000,
      pages: createPageHistories()("c1"),
      report: () => {},
    },
    waitingFor: () => undefined,
    spare: () => 0,
    onAllowanceChange: () => ({ [Symbol.dispose]: () => {} }),
    usage: () => ({ requests: 3, retries: 0, waitedMs: 0 }),
    [Symbol.dispose]: () => void (disposals += 1),
  }

  function responseOf(request: MailchimpRequest<unknown>, query: ReturnType<typeof request.query>) {
    pages.push(request.deadlineMs)
    if (pages.length >= failAt) throw deleted
    const since = Date.parse(String(query["since_last_changed"] ?? "1970-01-01T00:00:00Z"))
    const matching = members.filter(({ last_changed }) => Date.parse(last_changed) > since)
    return { members: matching.slice(0, Number(query["count"])), total_items: matching.length }
  }

  const startExport = createStartExport({
    sealer: createSealer([{ id: "k1", key: new Uint8Array(32) }]),
    pageSize,
    marginS: 10,
    clock,
  })
  const start = (listId?: string) =>
    startExport({
      account,
      listIds: listId === undefined ? undefined : [listId],
      selection: parseSelection({}),
      format: ndjson,
      eventsId: "e1",
      signal: consumer.signal,
      onEvent: (event) => events.push(event),
    })
  /** The beginnings and the ends. */
  const lives = () => events.filter((event) => event.type === "begins" || "usage" in event)
  /** How long the request for each page may be retried. */
  const leftMs = () =>
    pages.map((deadlineMs) => (typeof deadlineMs === "function" ? deadlineMs() : deadlineMs))
  return { start, clock, consumer, leftMs, lives, disposals: () => disposals }
}

function lists(listId: string | undefined) {
  const list = { id: "a", name: "First", stats: { member_count: 25, unsubscribe_count: 0, cleaned_count: 0 } }
  return listId === undefined ? { lists: [list], total_items: 1 } : list
}

describe("startExport()", () => {
  test("retries the first page for half a minute, and later pages as long as any other request", async () => {
    const failed = setUp({ failAt: 1 })
    await expect(failed.start()).rejects.toBe(deleted)
    expect(failed.leftMs()).toEqual([30_000])
    await failed.clock.advance(29_000)
    expect(failed.leftMs()).toEqual([1000])
    await failed.clock.advance(2000)
    expect(failed.leftMs()).toEqual([0])

    // The second page was requested before our response began.
    const begun = setUp()
    const bytes = await begun.start()
    expect(begun.leftMs()).toEqual([undefined, undefined])
    await bytes.return(undefined)
  })

  test("fails when its only list is no longer found, although /lists still contains it", async () => {
    for (const listId of [undefined, "a"]) {
      const { start, clock } = setUp({ failAt: 3 })
      const bytes = await start(listId)
      let text = ""
      const read = async () => {
        for await (const chunk of bytes) text += Buffer.from(chunk).toString()
      }
      const reading = read().catch((error: unknown) => error)
      await until("an error line", async () => {
        await clock.advance(0)
        return text.includes('"error"')
      })
      await clock.advance(1000)
      expect(await reading).toBe(deleted)
      expect(JSON.parse(text.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({
        code: "list_not_found",
        retryable: false,
      })
    }
  })

  test("disposes of the account at its end, at a failure, and when a consumer leaves before the first byte", async () => {
    const whole = setUp()
    await new Response(await whole.start()).text()
    expect(whole.disposals()).toBe(1)

    const failed = setUp({ failAt: 1 })
    await expect(failed.start()).rejects.toBe(deleted)
    expect(failed.disposals()).toBe(1)

    const left = setUp()
    await left.start()
    expect(left.disposals()).toBe(0)
    left.consumer.abort()
    expect(left.disposals()).toBe(1)
  })

  test("begins once and ends once, with what it took: also when it fails early, and when its consumer leaves before the first byte", async () => {
    const usage = { connectionId: "c1", durationMs: 0, requests: 3, retries: 0, waitedMs: 0 }
    const begins = { type: "begins" } as const
    const whole = setUp()
    await new Response(await whole.start()).text()
    whole.consumer.abort()
    expect(whole.lives()).toEqual([
      begins,
      { type: "completed", shortLists: [], rows: 25, bytes: expect.any(Number), usage },
    ])

    const failed = setUp({ failAt: 1 })
    await failed.start().catch(() => {})
    failed.consumer.abort()
    expect(failed.lives()).toEqual([begins, { type: "refused", rows: 0, bytes: 0, error: deleted, usage }])

    const left = setUp()
    await left.start()
    left.consumer.abort()
    expect(left.lives()).toEqual([begins, { type: "left", rows: 0, bytes: 0, usage }])

    const leftInMidExport = setUp()
    const bytes = await leftInMidExport.start()
    await bytes.next()
    leftInMidExport.consumer.abort()
    expect(leftInMidExport.lives()).toEqual([begins])
    await bytes.return(undefined)
    expect(leftInMidExport.lives()).toMatchObject([begins, { type: "left", usage }])
  })
})
