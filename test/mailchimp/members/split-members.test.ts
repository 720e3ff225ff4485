import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { MalformedPage } from "../../../src/mailchimp/members/malformed-page.ts"
import { splitMembers } from "../../../src/mailchimp/members/split-members.ts"

type Member = Record<string, unknown> & { id: string }

const hex = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 32, maxLength: 32 })
const hostile = fc.constantFrom(
  '},{"id":"',
  '"},{"id":"',
  '}],"total_items":1}',
  "a}],",
  "},{",
  '\\"',
  "\\",
  "\u2028\u2029",
  "\u0000\u001f\n\r\t",
  "\ud800",
  "\udfff\ud800",
  '{"members":[',
  "😀",
)
const text = fc.oneof(hostile, fc.string({ unit: "binary" }), fc.string())
const date = fc.date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true })
const lastChanged = fc.oneof(
  date.map((date) => date.toISOString().replace(/\.\d+Z$/, "+00:00")),
  fc.constant(""),
)
const member: fc.Arbitrary<Member> = fc.record({
  id: hex,
  email_address: text,
  merge_fields: fc.dictionary(text, fc.oneof(text, fc.integer(), fc.record({ addr1: text, id: text }))),
  tags: fc.array(fc.record({ id: fc.integer(), name: text })),
  permissions: fc.array(fc.record({ id: text })),
  last_changed: lastChanged,
  list_id: text,
})
const members = fc.array(member, { maxLength: 6 })

function envelope(members: readonly unknown[], totalItems = members.length): string {
  return JSON.stringify({ members, list_id: "a1b2", total_items: totalItems })
}

function split(body: string | Uint8Array, options: Partial<Parameters<typeof splitMembers>[1]> = {}) {
  return splitMembers(Buffer.from(body), { count: 1000, offset: 0, ...options })
}

function lines(rows: ReturnType<typeof splitMembers>, start = 0, end = rows.length): string[] {
  const text = Buffer.from(rows.bytes(start, end)).toString()
  if (text === "") return []
  expect(text[0]).toBe("\n")
  return text.slice(1).split("\n")
}

function row(...entries: string[]): string {
  return `{${entries.join(",")}}`
}

const anyId = "0123456789abcdef0123456789abcdef"
const otherId = "fedcba9876543210fedcba9876543210"

describe("splitMembers()", () => {
  test("returns each member's own bytes, whatever its strings contain", () => {
    fc.assert(
      fc.property(members, (members) => {
        const rows = split(envelope(members))
        expect(lines(rows)).toEqual(members.map((member) => JSON.stringify(member)))
        expect(rows.totalItems).toBe(members.length)
        members.forEach((member, index) => {
          expect(rows.id(index)).toBe(member.id)
          const second = Date.parse(String(member["last_changed"])) / 1000
          expect(rows.second(index)).toBe(Number.isNaN(second) ? undefined : second)
        })
      }),
    )
  })

  test("returns the same rows for any spelling of the page: indented, another key order, total_items first", () => {
    fc.assert(
      fc.property(members, fc.constantFrom("\t", "  ", "\r\n"), (members, space) => {
        const turned = members.map(({ id, ...rest }) => ({ ...rest, id }))
        const body = JSON.stringify({ total_items: 9, members: turned }, null, space === "\r\n" ? 1 : space)
        const rows = split(space === "\r\n" ? body.replaceAll("\n", "\r\n") : body)
        expect(lines(rows)).toEqual(turned.map((member) => JSON.stringify(member)))
        expect(members.map((_, index) => rows.id(index))).toEqual(members.map(({ id }) => id))
        expect(rows.totalItems).toBe(9)
      }),
    )
  })

  test("returns any range of rows", () => {
    fc.assert(
      fc.property(members, fc.nat(6), fc.nat(6), fc.boolean(), (members, from, to, short) => {
        const [start, end] = [
          Math.min(from, to, members.length),
          Math.min(Math.max(from, to), members.length),
        ]
        const rows = split(envelope(members, members.length + (short ? 1 : 0)))
        expect(lines(rows, start, end)).toEqual(
          members.slice(start, end).map((member) => JSON.stringify(member)),
        )
      }),
    )
  })

  test("keeps numbers and escapes as they were spelled, by structure and by the parser", () => {
    const row = `{"id":"${anyId}","a":12345678901234567890,"b":1.0,"c":"\\u00e9\\/","d":1E2,"last_changed":""}`
    expect(lines(split(`{"members":[${row}],"total_items":1}`))).toEqual([row])
    expect(lines(split(`{"members":[${row}],"total_items":2}`))).toEqual([row])
    expect(lines(split(`{ "members": [ ${row} ], "total_items": 1 }`))).toEqual([row])
  })

  test("leaves out the keys that only we requested, and keeps all others byte for byte", () => {
    const [id, n, last] = [
      `"id":"${anyId}"`,
      `"n":{"id":1.0,"last_changed":""}`,
      `"last_changed":"2020-01-01"`,
    ]
    const body = `{"members":[${row(id, n, last)},${row(id, last)}],"total_items":2}`
    expect(lines(split(body, { without: ["id"] }))).toEqual([row(n, last), row(last)])
    expect(lines(split(body, { without: ["last_changed"] }))).toEqual([row(id, n), row(id)])
    const both = split(body.replace(anyId, otherId), { without: ["id", "last_changed"] })
    expect(lines(both)).toEqual([row(n), "{}"])
    expect([0, 1].map((index) => both.id(index))).toEqual([otherId, anyId])
    expect(both.second(1)).toBe(Date.parse("2020-01-01") / 1000)
  })

  test("reads the second of every row, whatever else looks like a date", () => {
    const right = "2020-01-01T00:00:00+00:00"
    const wrong = "2030-01-01T00:00:00+00:00"
    const odd: Record<string, unknown>[] = [
      { last_changed: right },
      { note: `"last_changed":"${wrong}"`, last_changed: right },
      { merge_fields: { last_changed: wrong }, last_changed: right },
      { last_changed: right, merge_fields: { last_changed: wrong } },
      { last_changed: "2020-01-01T01:00:00+01:00" },
      { last_changed: "2020-01-01T00:00:00Z" },
      { last_changed: "2020-99-01T00:00:00+00:00" },
      { last_changed: "" },
      { last_changed: null },
      {},
      { last_changed: right },
    ]
    const rows = split(envelope(odd.map((fields) => ({ id: anyId, ...fields }))))
    const second = Date.parse(right) / 1000
    const seconds = odd.map((_, index) => rows.second(index))
    expect(seconds.slice(0, 6)).toEqual(Array.from({ length: 6 }, () => second))
    expect(seconds.slice(6)).toEqual([undefined, undefined, undefined, undefined, second])
  })

  test("distinguishes rows with different bytes by their fingerprints", () => {
    const rows = split(
      envelope([
        { id: anyId, n: 1 },
        { id: anyId, n: 2 },
        { id: anyId, n: 1 },
      ]),
    )
    expect(rows.fingerprint(0)).toBe(rows.fingerprint(2))
    expect(rows.fingerprint(0)).not.toBe(rows.fingerprint(1))
  })

  test("frees the memory of a released page, and refuses to read its rows", () => {
    const body = new Uint8Array(Buffer.from(envelope([{ id: anyId, n: 1 }])))
    const rows = splitMembers(body, { count: 1, offset: 0 })
    const taken = rows.bytes(0, 1)
    rows.release()
    expect(body.buffer.byteLength).toBe(0)
    expect(taken.length).toBe(0)
    expect(() => rows.bytes(0, 1)).toThrow("released")
    expect(() => rows.release()).not.toThrow()
  })

  test("does not free a buffer that a released page shares", () => {
    const text = envelope([{ id: anyId, n: 1 }])
    const shared = new Uint8Array(Buffer.from(`${text}neighbor`))
    splitMembers(shared.subarray(0, -8), { count: 1, offset: 0 }).release()
    expect(Buffer.from(shared.subarray(-8)).toString()).toBe("neighbor")
  })

  test("accepts a short page, and an empty one past the end", () => {
    expect(split(envelope([{ id: anyId }], 7)).length).toBe(1)
    expect(split(envelope([], 7), { offset: 9 }).length).toBe(0)
  })

  test.each([
    ["nothing", ""],
    ["an HTML page", "<html><body>Bad Gateway</body></html>"],
    ["a body that is not an object", "[]"],
    ["a problem", '{"title":"Internal Server Error","status":500}'],
    ["members that are not an array", '{"members":{},"total_items":0}'],
    ["no total_items", `{"members":[{"id":"${anyId}"}]}`],
    ["a total_items that is not a count", `{"members":[{"id":"${anyId}"}],"total_items":-1}`],
    ["a row that is not a member", '{"members":[7],"total_items":1}'],
    ["a raw newline in a string", `{"members":[{"id":"${anyId}","a":"\n"}],"total_items":1}`],
    ["a last row that is not JSON", `{"members":[{"id":"${anyId}","a":}],"total_items":1}`],
    ["more bytes after the page", `{"members":[{"id":"${anyId}"}],"total_items":1}}`],
  ])("refuses %s", (_, body) => {
    expect(() => split(body)).toThrow(MalformedPage)
  })

  test("refuses more rows than were requested", () => {
    expect(() => split(envelope([{ id: anyId }, { id: anyId }]), { count: 1 })).toThrow(MalformedPage)
  })

  test("refuses bytes that are not UTF-8 in a page it has to parse", () => {
    const body = Buffer.from(`{"members":[{"id":"${anyId}","a":"?"}],"total_items":2}`)
    body[body.indexOf("?")] = 0xff
    expect(() => split(body)).toThrow(MalformedPage)
  })

  test("refuses a truncated page, wherever it ends", () => {
    fc.assert(
      fc.property(members, fc.nat(), (members, position) => {
        const body = Buffer.from(envelope(members))
        expect(() => split(body.subarray(0, position % body.length))).toThrow(MalformedPage)
      }),
    )
  })

  test("never returns a wrong row for a page with a flipped byte: it refuses, or the other rows are unchanged", () => {
    fc.assert(
      fc.property(members, fc.nat(), fc.integer({ min: 1, max: 255 }), (members, position, flip) => {
        const sent = members.map((member) => JSON.stringify(member))
        const body = Buffer.from(envelope(members))
        body.writeUInt8(body.readUInt8(position % body.length) ^ flip, position % body.length)
        let rows
        try {
          rows = split(body)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedPage)
          return
        }
        const got = lines(rows)
        if (got.length !== sent.length) expect(got.length).toBeLessThan(sent.length)
        else expect(got.filter((line, index) => line !== sent[index]).length).toBeLessThanOrEqual(1)
      }),
      { numRuns: 2000 },
    )
  })
})
