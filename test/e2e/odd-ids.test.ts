import { describe, expect, test } from "bun:test"
import type { MemberInput } from "../../src/sandbox/members/create-member.ts"
import { md5, memberIdOf } from "../../src/sandbox/members/member.ts"
import { differenceOf, noDifference, startSandboxAndService } from "../support/sandbox-and-service.ts"

const shared = md5("somebody else")

/** Unusual ids that are possible: one for each member, by its number. */
const odd: readonly (readonly [string, (index: number) => MemberInput])[] = [
  ["empty", (index) => ({ email_address: `m${index}@example.com`, id: "" })],
  ["null", (index) => ({ email_address: `m${index}@example.com`, id: null })],
  ["missing", (index) => ({ email_address: `m${index}@example.com`, id: undefined })],
  ["a number", (index) => ({ email_address: `m${index}@example.com`, id: 1_000_000 + index })],
  ["upper case", (index) => ({ email_address: `m${index}@example.com`, id: md5(`${index}`).toUpperCase() })],
  ["short", (index) => ({ email_address: `m${index}@example.com`, id: `x${index}` })],
  ["an object", (index) => ({ email_address: `m${index}@example.com`, id: { id: index } })],
  ["shared by two", (index) => ({ email_address: `m${index}@example.com`, id: md5(`${index >> 1}`) })],
  ["shared by all", (index) => ({ email_address: `m${index}@example.com`, id: shared })],
  ["full of JSON", (index) => ({ email_address: `m${index}@example.com`, id: `"},{"id":"${index}` })],
  ["that of a contact without an address", () => ({ email_address: "" })],
  ["that of a contact whose address is null", () => ({ email_address: null })],
]
const mixed = (index: number): MemberInput => odd[index % odd.length]?.[1](index) ?? { email_address: "" }
const kinds = [...odd, ["of any kind", mixed] as const]

const aFew = kinds.filter(([name]) => ["empty", "null", "shared by all", "of any kind"].includes(name))

/** 60 members of this kind, with dates of their own, on pages of 25, or 1,200 members of one second on pages of 1,000. */
function start(make: (index: number) => MemberInput, isTied: boolean) {
  const members = Array.from({ length: isTied ? 1200 : 60 }, (_, index) => ({
    ...make(index),
    ...(isTied ? { last_changed: "2025-06-01T12:00:00+00:00" } : {}),
  }))
  return startSandboxAndService({
    lists: [{ name: "People", count: 100, members }],
    env: { MAILCHIMP_PAGE_SIZE: isTied ? "1000" : "25" },
  })
}

type Case = readonly [string, string, boolean, (index: number) => MemberInput]

const cases: readonly Case[] = [
  ...kinds.map(([name, make]): Case => ["60 members with dates of their own", name, false, make]),
  ...aFew.map(([name, make]): Case => ["1,200 members of one second", name, true, make]),
]

describe.each(cases)("%s whose id is %s", (_, _name, isTied, make) => {
  test("all are in a plain export", async () => {
    await using pair = await start(make, isTied)
    const plain = await pair.receive("/export")
    expect([plain.status, plain.isBroken]).toEqual([200, false])
    expect(differenceOf(plain.rows, pair.liveRows())).toEqual(noDifference)
  }, 30_000)

  test("all are in an export with events", async () => {
    await using pair = await start(make, isTied)
    const received = await pair.receive("/export?events=true&include=archived")
    expect(received.isBroken).toBe(false)
    expect(received.ofKind("end")).toMatchObject([{ status: "complete", rows: received.rows.length }])
    const rows = received.rows.filter((row) => JSON.parse(row).status !== "archived")
    expect(differenceOf(rows, pair.liveRows())).toEqual(noDifference)
  }, 30_000)

  test("each address is there if no other field is selected", async () => {
    await using pair = await start(make, isTied)
    const plain = await pair.receive("/export?fields=email_address")
    expect([plain.status, plain.isBroken]).toEqual([200, false])
    const expected = pair.liveRows().map(addressOf)
    const received = plain.rows.map(addressOf)
    expect(new Set(received)).toEqual(new Set(expected))
    // Contacts without an address all look the same.
    expect(received.length).toBeGreaterThanOrEqual(expected.length)
    for (const row of plain.rows.slice(0, 50)) expect(Object.keys(JSON.parse(row))).toEqual(["email_address"])
  }, 30_000)
})

test("changed members with odd ids are in the next export, and a broken export resumes after them", async () => {
  const members = Array.from({ length: 240 }, (_, index) => mixed(index))
  await using pair = await startSandboxAndService({ lists: [{ name: "People", members }] })
  const { sandbox, receive, liveRows } = pair
  const [listId = ""] = pair.listIds
  const whole = await receive("/export?events=true")
  const [end] = whole.ofKind("end")
  expect(end?.status).toBe("complete")

  const [checkpoint] = whole.ofKind("checkpoint")
  const resumed = await receive(`/export?events=true&cursor=${checkpoint?.cursor}`)
  expect(resumed.ofKind("end")).toMatchObject([{ status: "complete" }])
  const rows = [...whole.rows.slice(0, checkpoint?.rows), ...resumed.rows]
  expect(differenceOf(rows, liveRows())).toEqual(noDifference)

  const keys = [...sandbox.truth(listId).members()].slice(0, odd.length).map(({ id }) => id)
  for (const key of keys) sandbox.changes.editMember(listId, key)
  const added = sandbox.changes.addMember(listId, { email_address: "late@example.com", id: null })
  const changed = [...keys, memberIdOf(added.email_address)].map(
    (key) => sandbox.truth(listId).history(key).at(-1)?.row ?? "",
  )
  const next = await receive(`/export?events=true&cursor=${end?.cursor}`)
  expect(next.ofKind("end")).toMatchObject([{ status: "complete" }])
  expect(differenceOf(next.rows, changed).missing).toBe(0)
})

function addressOf(row: string): string {
  return String(JSON.parse(row).email_address)
}
