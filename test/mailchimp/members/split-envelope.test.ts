import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { MalformedPage } from "../../../src/mailchimp/members/malformed-page.ts"
import { splitMembers } from "../../../src/mailchimp/members/split-members.ts"

type Json = Record<string, unknown>

const hex = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 32, maxLength: 32 })
const [idA, idB] = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"]
const oddId = fc.constantFrom<unknown>(
  "",
  null,
  7,
  undefined,
  idA.toUpperCase(),
  `${idA}0`,
  "short",
  'a"b\\',
  'ünï"code',
  `${idA.slice(0, 31)}"`,
  '","email_address":"","x":"23456',
)
const hostile = fc.constantFrom(
  '},{"id":"',
  '"},{"id":"',
  '}],"',
  '}],"total_items":1}',
  '{"members":[',
  "]}",
)
const text = fc.oneof(hostile, fc.string({ unit: "binary" }))
const date = fc.constantFrom("", "2020-01-01T00:00:00+00:00", "2021-06-01T12:00:00+00:00")
const longId = fc.oneof(hex, fc.constantFrom(idA, idB))

/** Adjacent objects in an array that begin with an id: the bytes between them look like the end of a member. */
function nested(secondKey: string): fc.Arbitrary<Json[]> {
  return fc.array(
    fc.oneof(
      fc.tuple(fc.oneof(longId, oddId), text).map(([id, value]) => ({ id, [secondKey]: value })),
      fc.constant({ x: 1 }),
    ),
    { maxLength: 4 },
  )
}

function memberOf(id: fc.Arbitrary<unknown>, inner: fc.Arbitrary<Json[]>): fc.Arbitrary<Json> {
  return fc
    .record({ id, email_address: text, last_changed: date, a: text, tags: inner, b: fc.jsonValue() })
    .map(({ a, ...rest }) => ({ ...rest, merge_fields: { a, deeper: [{ tags: rest.tags }, [rest.tags]] } }))
}

/** Changes the order of a member's keys, or leaves some out. */
const oddOrder = fc.constantFrom(
  ({ id, ...rest }: Json): Json => ({ ...rest, id }),
  ({ id, email_address, ...rest }: Json): Json => ({ id, ...rest, email_address }),
  ({ id }: Json): Json => ({ id }),
  (): Json => ({}),
)

/**
 * Either pages of arbitrary rows, which may have fewer than they count, or complete pages of ordinary rows. Only the latter
 * have an array of objects that begin like members, inside a member or as a first `members`: no boundary distinguishes those
 * from members, only the count does.
 */
const page = fc.oneof(
  fc.record({
    members: fc.array(
      fc
        .tuple(memberOf(fc.oneof(longId, oddId), nested("name")), fc.option(oddOrder))
        .map(([member, reorder]) => (reorder ? reorder(member) : member)),
      { maxLength: 5 },
    ),
    missing: fc.nat(3),
    first: fc.constant(undefined),
  }),
  fc.record({
    members: fc.array(memberOf(longId, nested("email_address")), { maxLength: 5 }),
    missing: fc.constant(0),
    first: fc.option(nested("email_address"), { nil: undefined, freq: 3 }),
  }),
)

const extras = fc.dictionary(
  fc.oneof(
    fc.constantFrom("constraints", "_links", "data", "b"),
    text.filter((key) => !["members", "total_items", "list_id"].includes(key)),
  ),
  fc.oneof(
    nested("name"),
    fc.record({ members: nested("name"), total_items: fc.nat() }),
    fc.jsonValue(),
    fc.constant([{ x: 1 }, { id: idA, name: "" }, { id: idB }]),
  ),
  { maxKeys: 3 },
)

const envelope = fc.record({
  page,
  before: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, extras),
  after: extras,
  between: extras,
  offset: fc.constantFrom(0, 1, 1000),
  room: fc.nat(2),
  isTotalFirst: fc.boolean(),
  space: fc.oneof({ weight: 4, arbitrary: fc.constant("") }, fc.constantFrom(" ", "\t", "\n", "\r\n")),
})

type Envelope = typeof envelope extends fc.Arbitrary<infer T> ? T : never

/** The entries of an envelope as text, so that a key can occur twice. */
function render({ page, before, after, between, offset, isTotalFirst, space }: Envelope): string {
  const total = { total_items: offset + page.members.length + page.missing }
  const parts = [
    before,
    isTotalFirst ? total : {},
    page.first ? { members: page.first } : {},
    { members: page.members },
    between,
    isTotalFirst ? {} : total,
    after,
  ]
  const body = `{${parts
    .map((part) => JSON.stringify(part).slice(1, -1))
    .filter((entries) => entries !== "")
    .join(",")}}`
  return space === "" ? body : reformat(body, space)
}

/** The same JSON with white space after each colon and comma between tokens. */
function reformat(body: string, space: string): string {
  return body.replaceAll(/"(?:[^"\\]|\\.)*"|[,:[{]/gs, (token) =>
    token[0] === '"' ? token : `${token}${space}`,
  )
}

function split(body: string | Uint8Array, options: Partial<Parameters<typeof splitMembers>[1]> = {}) {
  return splitMembers(Buffer.from(body), { count: 1000, offset: 0, ...options })
}

function linesOf(rows: ReturnType<typeof splitMembers>): string[] {
  return Buffer.from(rows.bytes(0, rows.length)).toString().split("\n").slice(1)
}

function parse(text: string): Json {
  const value: unknown = JSON.parse(text)
  if (typeof value !== "object" || value === null) throw new TypeError("Not an object")
  return { ...value }
}

const row = (id: string, rest = "") => `{"id":"${id}","n":1${rest}}`

describe("splitMembers() of any envelope", () => {
  test("returns the same members as a parser, each row as it was sent", () => {
    fc.assert(
      fc.property(
        envelope,
        fc.constantFrom<string[]>([], ["id"], ["last_changed"], ["id", "last_changed"]),
        (envelope, without) => {
          const body = render(envelope)
          const sent = envelope.page.members
          expect(parse(body)["members"]).toEqual(JSON.parse(JSON.stringify(sent)))
          const rows = split(body, {
            count: Math.max(1, sent.length + envelope.room),
            offset: envelope.offset,
            without,
          })
          const kept = sent.map((member) =>
            JSON.stringify(
              Object.fromEntries(Object.entries(member).filter(([key]) => !without.includes(key))),
            ),
          )
          const lines = linesOf(rows)
          if (envelope.space === "") expect(lines).toEqual(kept)
          else expect(lines.map((line) => JSON.stringify(JSON.parse(line)))).toEqual(kept)
          expect(rows.totalItems).toBe(envelope.offset + sent.length + envelope.page.missing)
          const ids = sent.map(({ id }) => id)
          ids.forEach((id, index) => {
            const isKey = typeof id === "string" && id !== "" && ids.indexOf(id) === ids.lastIndexOf(id)
            expect(rows.id(index)).toBe(isKey ? id : undefined)
          })
        },
      ),
      { numRuns: 2000 },
    )
  })

  test("finds the end of the members on a full page without a parser, whatever follows", () => {
    for (const tail of [
      `"constraints":[{"id":1}],"total_items":9`,
      `"_links":[{"rel":"self"},{"id":"${idA}","n":2}],"total_items":9`,
      `"total_items":9,"x":[{"x":1},{"id":"${idA}","n":2},{"id":"${idB}","n":2}]`,
      `"a":{"total_items":1},"total_items":9,"b":"}],\\"total_items\\":2}"`,
    ]) {
      const body = new Uint8Array(Buffer.from(`{"members":[${row(idA)},${row(idB)}],${tail}}`))
      const rows = splitMembers(body, { count: 2, offset: 0 })
      expect(linesOf(rows)).toEqual([row(idA), row(idB)])
      expect(rows.totalItems).toBe(9)
      // The rows are slices of the body itself.
      expect(rows.bytes(0, 1).buffer).toBe(body.buffer)
    }
  })

  test("does not mistake a part of a member, or of the rest, for a member on a page with fewer rows than it counts", () => {
    const inner = `,"x":[{"x":1},{"id":"${idB}","name":"x"}]`
    expect(linesOf(split(`{"members":[${row(idA, inner)},${row(idB)}],"total_items":3}`))).toEqual([
      row(idA, inner),
      row(idB),
    ])
    const tail = `"constraints":[{"x":1},{"id":"${idB}","name":"x"}]`
    expect(linesOf(split(`{"members":[${row(idA)}],${tail},"total_items":2}`))).toEqual([row(idA)])
  })

  test("recognizes a member although an array inside another member looks the same", () => {
    const copies = `,"x":[${row(idA)},${row(idB)}]`
    expect(linesOf(split(`{"members":[${row(idA)},${row(idB, copies)}],"total_items":2}`))).toEqual([
      row(idA),
      row(idB, copies),
    ])
  })

  test.each([
    ["no members at all", '{"total_items":0}'],
    ["no members, but its list", '{"list_id":"a1b2","total_items":0}'],
    ["members that are null", '{"members":null,"list_id":"a1b2","total_items":0}'],
    ["no members, and white space", ' { "total_items" : 0 } '],
    ["an empty array", '{"members":[],"list_id":"a1b2","total_items":0}'],
  ])("treats a response with a count of zero as an empty page: %s", (_, body) => {
    const rows = split(body, { listId: "a1b2", without: ["id"] })
    expect([rows.length, rows.totalItems, rows.bytes(0, 0).length]).toEqual([0, 0, 0])
    expect(() => rows.release()).not.toThrow()
  })

  test.each([
    ["none, of one that is counted", '{"total_items":1}'],
    ["null, of one that is counted", '{"members":null,"total_items":1}'],
    ["none, and no count", '{"list_id":"a1b2"}'],
    ["none, and a count that is null", '{"members":null,"total_items":null}'],
    ["an object", '{"members":{},"total_items":0}'],
    ["null among rows", `{"members":[${row(idA)},null],"total_items":2}`],
    ["a number among rows", `{"members":[${row(idA)},7],"total_items":2}`],
    ["an array among rows", `{"members":[${row(idA)},[]],"total_items":2}`],
  ])("refuses members that are %s", (_, body) => {
    expect(() => split(body)).toThrow(MalformedPage)
  })

  test("refuses a page of another list, by structure and by the parser", () => {
    for (const space of ["", " "]) {
      const body = (listId: unknown) =>
        `{"members":${space}[${row(idA)}],"list_id":${JSON.stringify(listId)},"total_items":1}`
      expect(() => split(body("b"), { listId: "a" })).toThrow("another list")
      expect(split(body("b")).length).toBe(1)
      for (const listId of ["a", "", null]) expect(split(body(listId), { listId: "a" }).length).toBe(1)
    }
    expect(() => split('{"list_id":"b","total_items":0}', { listId: "a" })).toThrow(MalformedPage)
    expect(split(`{"members":[${row(idA)}],"total_items":1}`, { listId: "a" }).length).toBe(1)
  })
})

describe("splitMembers() of a damaged page", () => {
  const tags = fc.array(fc.record({ id: fc.integer(), name: text }), { maxLength: 3 })
  const members = fc.array(memberOf(longId, tags), { minLength: 2, maxLength: 5 })
  const bodyOf = (members: readonly Json[]) =>
    Buffer.from(JSON.stringify({ members, list_id: "a1b2", total_items: members.length }))

  test("refuses bytes that are not UTF-8, wherever they are", () => {
    fc.assert(
      fc.property(members, fc.nat(), fc.constantFrom(0xff, 0xc0, 0x80, 0xed), (members, position, byte) => {
        const body = bodyOf(members)
        body[position % body.length] = byte
        const isText = Buffer.compare(Buffer.from(body.toString()), body) === 0
        if (!isText) expect(() => split(body)).toThrow(MalformedPage)
      }),
    )
  })

  test("refuses a last row that is not JSON", () => {
    const date = `,"last_changed":"2020-01-01T00:00:00+00:00"`
    for (const end of ['"x":tru', '"x":[1', '"x":"a', '"x":{"y":1', '"x":01', '"x":"\\q"', '"x"', "x"])
      expect(() => split(`{"members":[${row(idA)},${row(idB, `${date},${end}`)}],"total_items":2}`)).toThrow(
        MalformedPage,
      )
  })

  test.each<[string[]]>([[[]], [["id"]], [["id", "last_changed"]]])(
    "returns at most one wrong row for a page that lacks bytes in its middle, without %j",
    (without) => {
      const keep = (member: Json) =>
        JSON.stringify(Object.fromEntries(Object.entries(member).filter(([key]) => !without.includes(key))))
      fc.assert(
        fc.property(members, fc.nat(), fc.integer({ min: 1, max: 400 }), (members, position, length) => {
          const whole = bodyOf(members)
          const start = position % whole.length
          const body = Buffer.concat([whole.subarray(0, start), whole.subarray(start + length)])
          let rows
          try {
            rows = split(body, { without })
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedPage)
            return
          }
          const lines = linesOf(rows)
          const sent = new Set(members.map(keep))
          const wrong = lines.filter((line) => !sent.has(line))
          expect(wrong.length).toBeLessThanOrEqual(1)
          // If rows are missing, the whole page was parsed, otherwise the last row.
          if (lines.length < members.length) wrong.forEach((line) => JSON.parse(line))
          else JSON.parse(lines.at(-1) ?? "")
        }),
        { numRuns: 1000 },
      )
    },
  )
})

describe("the key of a row", () => {
  const idsOf = (ids: readonly unknown[], rest: Json = { n: 1 }) => {
    const members = ids.map((id) => ({ id, ...rest }))
    const rows = split(JSON.stringify({ members, total_items: members.length }))
    expect(linesOf(rows)).toEqual(members.map((member) => JSON.stringify(member)))
    return ids.map((_, index) => rows.id(index))
  }

  test("is any id that is a string, in any spelling; a row without one passes unchanged", () => {
    const ids = ["", null, 7, idA.toUpperCase(), undefined, `${idA}0`, "x", { id: idA }, [idA], true]
    for (const id of ids) {
      const isKey = typeof id === "string" && id !== ""
      expect(idsOf([idA, id, idB])).toEqual([idA, isKey ? id : undefined, idB])
      expect(idsOf([id])).toEqual([isKey ? id : undefined])
    }
  })

  test("is not an id that occurs twice in its page, in any spelling", () => {
    expect(idsOf([idA, idB, idA])).toEqual([undefined, idB, undefined])
    expect(idsOf([idA, `${idA}0`, `${idA}0`])).toEqual([idA, undefined, undefined])
    expect(idsOf(["x", idA, "x"])).toEqual([undefined, idA, undefined])
    const escaped = `{"members":[${row(`\\u0030${idA.slice(1)}`)},${row(idA)}],"total_items":2}`
    expect([0, 1].map((index) => split(escaped).id(index))).toEqual([undefined, undefined])
    // 32 bytes as spelled, 27 when unescaped.
    const short = `\\u0030${idA.slice(1, 27)}`
    const both = split(`{"members":[${row(short)},${row(idA.slice(0, 27))}],"total_items":2}`)
    expect([0, 1].map((index) => both.id(index))).toEqual([undefined, undefined])
  })

  test("is found for every row of a page of ids that differ in their last digit", () => {
    const ids = Array.from({ length: 1000 }, (_, index) => index.toString(16).padStart(32, "0"))
    expect(idsOf(ids)).toEqual(ids)
    expect(idsOf(ids.with(500, ids[7] ?? ""))).toEqual(
      ids.map((id, index) => ([7, 500].includes(index) ? undefined : id)),
    )
  })

  test("is not needed if the id is left out", () => {
    for (const id of ["", null, 7, idA]) {
      const members = [{ id, last_changed: "", n: 1 }, { n: 2 }]
      const body = JSON.stringify({ members, total_items: 2 })
      expect(linesOf(split(body, { without: ["id", "last_changed"] }))).toEqual(['{"n":1}', '{"n":2}'])
    }
  })
})
