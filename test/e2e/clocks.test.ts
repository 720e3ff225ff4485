import { describe, expect, test } from "bun:test"
import { systemClock } from "../../src/lib/time.ts"
import type { Sandbox } from "../../src/sandbox/sandbox.ts"
import type { MemberInput } from "../../src/sandbox/members/create-member.ts"
import { writeTime } from "../../src/sandbox/members/member.ts"
import { startRenamingGateway } from "../support/gateway.ts"
import { differenceOf, noDifference, startSandboxAndService } from "../support/sandbox-and-service.ts"

const tenMinutesMs = 600_000
const membersPath = /members$/

/** What goes wrong with which clock: immediately, or when the first page of members is requested. */
type Disturbance = {
  readonly name: string
  readonly atOnce?: (sandbox: Sandbox) => void
  readonly atFirstPage?: (sandbox: Sandbox, moveOwnClock: (ms: number) => void) => void
  readonly ownOffsetMs?: number
}

const disturbances: readonly Disturbance[] = [
  {
    name: "one page is dated 30 s ahead",
    atOnce: ({ faults }) =>
      void faults.add({ match: { path: membersPath }, action: { kind: "date", offsetMs: 30_000 } }),
  },
  {
    name: "one response of GET /lists is dated 30 s ahead",
    atOnce: ({ faults }) =>
      void faults.add({ match: { path: /lists$/ }, action: { kind: "date", offsetMs: 30_000 } }),
  },
  {
    name: "the last page is dated 30 s ahead",
    atOnce: ({ faults }) =>
      void faults.add({ match: { path: membersPath }, action: { kind: "date", offsetMs: 30_000 }, skip: 2 }),
  },
  {
    name: "every response is dated 30 s ahead",
    atOnce: ({ settings }) => void (settings.dateOffsetMs = 30_000),
  },
  {
    name: "every response is dated 30 s back",
    atOnce: ({ settings }) => void (settings.dateOffsetMs = -30_000),
  },
  {
    name: "responses are dated 30 s ahead and 30 s back by turns",
    atOnce: ({ settings }) => {
      let turns = 0
      settings.dateOffsetMs = () => (turns++ % 2 === 0 ? 30_000 : -30_000)
    },
  },
  {
    name: "one page is dated an hour back",
    atOnce: ({ faults }) =>
      void faults.add({ match: { path: membersPath }, action: { kind: "date", offsetMs: -3_600_000 } }),
  },
  {
    name: "all of Mailchimp is ten minutes ahead",
    atOnce: ({ settings }) => void (settings.serverSkewsMs = [tenMinutesMs]),
  },
  {
    name: "all of Mailchimp is ten minutes back",
    atOnce: ({ settings }) => void (settings.serverSkewsMs = [-tenMinutesMs]),
  },
  { name: "our own clock is ten minutes ahead", ownOffsetMs: tenMinutesMs },
  { name: "our own clock is ten minutes back", ownOffsetMs: -tenMinutesMs },
  {
    name: "our own clock steps ten minutes ahead in mid-export",
    atFirstPage: (_, moveOwnClock) => moveOwnClock(tenMinutesMs),
  },
  {
    name: "our own clock steps ten minutes back in mid-export",
    atFirstPage: (_, moveOwnClock) => moveOwnClock(-tenMinutesMs),
  },
  {
    name: "all of Mailchimp steps ten minutes ahead in mid-export",
    atFirstPage: ({ settings }) => void (settings.serverSkewsMs = [tenMinutesMs]),
  },
  {
    name: "all of Mailchimp steps ten minutes back in mid-export",
    atFirstPage: ({ settings }) => void (settings.serverSkewsMs = [-tenMinutesMs]),
  },
]

async function startDisturbed({ atOnce, atFirstPage, ownOffsetMs = 0 }: Disturbance) {
  let offsetMs = ownOffsetMs
  let hasBegun = false
  const pair = await startSandboxAndService({
    lists: [{ name: "People", count: 250 }],
    serviceClock: { ...systemClock, now: () => Date.now() + offsetMs },
  })
  atOnce?.(pair.sandbox)
  pair.onRequest(({ path }) => {
    if (hasBegun || !membersPath.test(path)) return
    hasBegun = true
    atFirstPage?.(pair.sandbox, (ms) => (offsetMs = ms))
  })
  return pair
}

describe("wrong clocks", () => {
  test.each(disturbances.map((disturbance) => [disturbance.name, disturbance] as const))(
    "%s: what changes after an export is in the next export, and no as_of is in the future",
    async (_, disturbance) => {
      await using pair = await startDisturbed(disturbance)
      const { sandbox, receive, liveRows } = pair
      const [listId = ""] = pair.listIds
      const replica = new Map<string, string>()
      let query = "events=true"
      for (let round = 0; round < 3; round += 1) {
        const received = await receive(`/export?${query}`)
        const [end] = received.ofKind("end")
        expect(end?.status).toBe("complete")
        for (const list of end?.lists ?? []) {
          const asOfMs = Date.parse(list.as_of ?? "")
          expect(asOfMs).toBeLessThanOrEqual(Date.now())
          expect(asOfMs).toBeGreaterThan(Date.now() - 3_700_000)
        }
        for (const row of received.rows) replica.set(JSON.parse(row).id, row)
        expect(differenceOf(replica.values(), liveRows())).toEqual(noDifference)

        query = `events=true&cursor=${end?.cursor}`
        sandbox.changes.addMember(listId)
        const [first] = liveRows()
        sandbox.changes.editMember(listId, JSON.parse(first ?? "").id)
      }
    },
    30_000,
  )
})

type Undated = {
  readonly name: string
  readonly prepare: (sandbox: Sandbox) => void
  readonly isRenamed?: true
}

const undated: readonly Undated[] = [
  { name: "no response has a Date, as a gateway renames it", prepare: () => {}, isRenamed: true },
  { name: "every Date is empty", prepare: ({ settings }) => void (settings.sendsDate = false) },
  {
    name: "no Date is a valid date",
    prepare: ({ faults }) =>
      void faults.add({ action: { kind: "date_text", text: "yesterday" }, times: Infinity }),
  },
  {
    name: "only the response of GET /lists has a Date",
    prepare: ({ faults }) =>
      void faults.add({
        match: { path: membersPath },
        action: { kind: "date_text", text: "" },
        times: Infinity,
      }),
  },
  {
    name: "only the first page has a Date",
    prepare: ({ faults }) =>
      void faults.add({
        match: { path: membersPath },
        action: { kind: "date_text", text: "" },
        skip: 1,
        times: 9,
      }),
  },
]

describe("without Date", () => {
  test.each(undated.map((entry) => [entry.name, entry] as const))(
    "%s: plain exports of several pages are complete, and cursors continue them",
    async (_, { prepare, isRenamed }) => {
      await using pair = await startSandboxAndService({
        lists: [{ name: "People", count: 450 }],
        ...(isRenamed ? { via: startRenamingGateway } : {}),
      })
      const { sandbox, receive, get, liveRows } = pair
      const [listId = ""] = pair.listIds
      prepare(sandbox)

      const plain = await receive("/export")
      expect([plain.status, plain.isBroken]).toEqual([200, false])
      expect(differenceOf(plain.rows, liveRows())).toEqual(noDifference)
      const document = JSON.parse(await (await get("/export?format=json")).text())
      expect(document.data).toHaveLength(liveRows().length)

      const whole = await receive("/export?events=true")
      const [end] = whole.ofKind("end")
      expect(end?.status).toBe("complete")
      for (const { as_of } of end?.lists ?? [])
        expect(Date.parse(as_of ?? "")).toBeLessThanOrEqual(Date.now())

      const [checkpoint] = whole.ofKind("checkpoint")
      const resumed = await receive(`/export?events=true&cursor=${checkpoint?.cursor}`)
      expect(resumed.problem).toBe("")
      expect(resumed.ofKind("end")).toMatchObject([{ status: "complete" }])
      const received = new Set([...whole.rows.slice(0, checkpoint?.rows), ...resumed.rows])
      expect(differenceOf(received, liveRows())).toEqual(noDifference)

      const added = sandbox.changes.addMember(listId)
      const next = await receive(`/export?events=true&cursor=${end?.cursor}`)
      expect(next.problem).toBe("")
      expect(next.ofKind("end")).toMatchObject([{ status: "complete" }])
      expect(next.rows.map((row) => JSON.parse(row).id)).toContain(added.id)
    },
    30_000,
  )
})

const hourMs = 3_600_000
const ahead: readonly (readonly [string, (index: number) => number])[] = [
  ["in one second an hour ahead", () => hourMs],
  ["over an hour that begins in an hour", (index) => hourMs + index * 2400],
  ["over an hour that begins now", (index) => index * 2400],
  ["a year ahead", (index) => 365 * 24 * hourMs + index * 1000],
  ["three seconds ahead", () => 3000],
]

describe("members dated ahead", () => {
  test.each(ahead)(
    "1,500 of 3,000 %s: all are in an export that does not wait for that time, and so are later changes",
    async (_, offsetMs) => {
      const startMs = Date.now()
      const members = Array.from({ length: 1500 }, (_, index): MemberInput => ({
        email_address: `ahead.${index}@example.com`,
        last_changed: writeTime(startMs + offsetMs(index)),
      }))
      await using pair = await startSandboxAndService({
        lists: [{ name: "People", count: 1500, members }],
        env: { MAILCHIMP_PAGE_SIZE: "1000" },
      })
      const { sandbox, receive, liveRows } = pair
      const [listId = ""] = pair.listIds

      const plain = await receive("/export")
      expect([plain.status, plain.isBroken]).toEqual([200, false])
      expect(differenceOf(plain.rows, liveRows())).toEqual(noDifference)

      const whole = await receive("/export?events=true&include=archived")
      const [end] = whole.ofKind("end")
      expect(end?.status).toBe("complete")
      for (const { as_of } of end?.lists ?? [])
        expect(Date.parse(as_of ?? "")).toBeLessThanOrEqual(Date.now())

      const added = sandbox.changes.addMember(listId)
      const next = await receive(`/export?events=true&include=archived&cursor=${end?.cursor}`)
      expect(next.ofKind("end")).toMatchObject([{ status: "complete" }])
      expect(next.rows.map((row) => JSON.parse(row).id)).toContain(added.id)
    },
    60_000,
  )
})
