import { freeBytes } from "../lib/free-bytes.ts"
import { arrayValues, compact, objectEntries } from "../lib/json-bytes.ts"
import { addText } from "./id-sum.ts"
import type { Rows, Second } from "./source.ts"

export type SplitOptions = {
  /** How many rows were asked for, and from which place. */
  readonly count: number
  readonly offset: number
  /** Keys of a member that were asked for by us alone and must not go out. */
  readonly without?: readonly string[]
}

/** An answer with status 200 that is not a page: cut, no JSON at all, or something else than its rows. */
export class MalformedPage extends Error {
  override readonly name = "MalformedPage"

  constructor(reason: string, cause?: unknown) {
    super(`Cannot read a page of members as ${reason}`, { cause })
  }
}

type Members = {
  /** The rows one after the other, each after a newline. */
  readonly joined: Buffer
  /** Where the newline before each row is, and where the last row ends. */
  readonly places: readonly number[]
  readonly totalItems: number
  readonly id: (index: number) => string
}

const HEAD = Buffer.from('{"members":[')
const MEMBER_HEAD = Buffer.from('{"id":"')
/** Between two members, and nowhere inside one: a quote within a string is escaped, and no string ends so. */
const BOUNDARY = Buffer.from('},{"id":"')
const MEMBERS_END = Buffer.from('}],"')
const ID_LENGTH = 32
const CHANGED = Buffer.from('"last_changed":"')
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"$/
const DATE_LENGTH = 26
const NEWLINE = 0x0a
const QUOTE = 0x22
const isHexDigit = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[0-9a-f]/.test(String.fromCharCode(byte)) ? 1 : 0,
)

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/**
 * Splits a members answer into its rows without parsing them. The boundaries between members are found by structure,
 * the comma there becomes a newline in place, and slices of the same bytes go out: number spelling, escapes and key
 * order stay as Mailchimp sent them. An answer that does not look exactly so is split by a parser.
 *
 * @param body the whole body; it is changed in place and belongs to the rows from here on
 * @throws {MalformedPage} when it is not a page of at most `count` members
 */
export function splitMembers(body: Uint8Array, options: SplitOptions): Rows {
  const { count, offset, without = [] } = options
  const json = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const members = findMembers(json, count, offset) ?? parseMembers(json, count)
  const { places, totalItems, id } = members
  const length = places.length - 1
  // The rows at the edges are needed in any case. Read here, one that is malformed is asked for again.
  const seconds = new Map([0, length - 1].map((edge) => [edge, secondOf(members, edge)]))
  const sent = without.length > 0 ? withoutKeys(members, without) : members
  let isReleased = false

  const bytes = (start: number, end: number) => {
    if (isReleased) throw new TypeError("Cannot read the rows of a page that was released")
    return sent.joined.subarray(at(sent.places, start), at(sent.places, end))
  }
  return {
    length,
    totalItems,
    id,
    second: (index) => (seconds.has(index) ? seconds.get(index) : secondOf(members, index)),
    fingerprint: (index) => Bun.hash(bytes(index, index + 1)),
    bytes,
    addIds: (sum, start, end) => {
      for (let index = start; index < end; index += 1)
        addText(sum, id(index) ?? String(Bun.hash(bytes(index, index + 1))))
    },
    release: () => {
      if (isReleased) return
      isReleased = true
      for (const bytes of [body, members.joined, sent.joined]) freeBytes(bytes)
    },
  }
}

/** The members by structure; undefined where anything is not as Mailchimp is known to write it. */
function findMembers(json: Buffer, count: number, offset: number): Members | undefined {
  const end = json.lastIndexOf(MEMBERS_END) + 1
  if (end === 0 || !startsWith(json, 0, HEAD) || !startsWith(json, HEAD.length, MEMBER_HEAD)) return undefined
  const totalItems = totalItemsOf(`{${json.toString("utf8", end + MEMBERS_END.length - 2)}`)
  if (totalItems === undefined || json.subarray(0, end).includes(NEWLINE)) return undefined

  const places = [HEAD.length - 1]
  for (let brace = json.indexOf(BOUNDARY); brace !== -1; brace = json.indexOf(BOUNDARY, brace + 2))
    places.push(brace + 1)
  if (places.length !== Math.min(count, totalItems - offset)) return undefined
  if (!places.every((place) => hasId(json, place))) return undefined

  // A comma, or the opening bracket.
  for (const place of places) json[place] = NEWLINE
  places.push(end)
  const idAt = (start: number) => json.toString("latin1", start, start + ID_LENGTH)
  return { joined: json, places, totalItems, id: (index) => idAt(at(places, index) + 1 + MEMBER_HEAD.length) }
}

/** The members by a parser, which accepts a page in any spelling and with fewer rows than its count says. */
function parseMembers(json: Buffer, count: number): Members {
  const envelope = parseJson(json)
  if (!isRecord(envelope) || !Array.isArray(envelope["members"])) throw new MalformedPage("it holds none")
  const totalItems = asCount(envelope["total_items"])
  if (totalItems === undefined) throw new MalformedPage("its total_items is missing")
  if (envelope["members"].length > count) throw new MalformedPage("it holds more than were asked for")

  const ids = envelope["members"].map((member: unknown) => {
    if (isRecord(member) && typeof member["id"] === "string" && isId(member["id"])) return member["id"]
    throw new MalformedPage("a member has no id")
  })
  // Of a key that comes twice the parser took the last one.
  const entry = objectEntries(json, json.indexOf("{")).findLast(({ key }) => key === "members")
  const spans = entry ? arrayValues(json, entry.value.start) : []
  return { ...join(spans.map((span) => compact(json, span))), totalItems, id: (index) => at(ids, index) }
}

function parseJson(json: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(json))
  } catch (cause) {
    throw new MalformedPage("it is not JSON", cause)
  }
}

function totalItemsOf(tail: string): number | undefined {
  try {
    const envelope: unknown = JSON.parse(tail)
    return isRecord(envelope) && !("members" in envelope) ? asCount(envelope["total_items"]) : undefined
  } catch {
    return undefined
  }
}

function join(rows: readonly Uint8Array[]): Pick<Members, "joined" | "places"> {
  const places = [0]
  for (const row of rows) places.push(at(places, places.length - 1) + 1 + row.length)
  const joined = Buffer.alloc(at(places, rows.length), NEWLINE)
  rows.forEach((row, index) => joined.set(row, at(places, index) + 1))
  return { joined, places }
}

function withoutKeys(
  { joined, places }: Members,
  keys: readonly string[],
): Pick<Members, "joined" | "places"> {
  return join(
    places.slice(0, -1).map((place) => {
      const kept = objectEntries(joined, place + 1).filter(({ key }) => !keys.includes(key))
      const parts = kept.map(({ entry }) => compact(joined, entry))
      return Buffer.concat([
        Buffer.from("{"),
        ...parts.flatMap((part, index) => (index === 0 ? [part] : [Buffer.from(","), part])),
        Buffer.from("}"),
      ])
    }),
  )
}

/**
 * The second of a row. The bytes of the key cannot be inside a string, where its quotes would be escaped; a row that holds
 * them twice, or a date in another spelling than Mailchimp's, is parsed, which takes ten times as long.
 */
function secondOf({ joined, places }: Members, index: number): Second | undefined {
  const [place, end] = [places[index], places[index + 1]]
  if (place === undefined || end === undefined) return undefined
  const found = joined.indexOf(CHANGED, place)
  const again = joined.indexOf(CHANGED, found + 1)
  const start = found + CHANGED.length
  const date = joined.toString("latin1", start, start + DATE_LENGTH)
  const isOnly = found !== -1 && found < end && (again === -1 || again >= end)
  return isOnly && DATE.test(date)
    ? toSecond(date.slice(0, -1))
    : parsedSecondOf(joined.subarray(place + 1, end))
}

/** Mailchimp writes an ISO 8601 date with a zone, or an empty string where it has none. */
function parsedSecondOf(row: Buffer): Second | undefined {
  const member = parseJson(row)
  const changed = isRecord(member) ? member["last_changed"] : undefined
  return typeof changed === "string" ? toSecond(changed) : undefined
}

function toSecond(date: string): Second | undefined {
  const second = Math.floor(Date.parse(date) / 1000)
  return Number.isNaN(second) ? undefined : second
}

function startsWith(json: Buffer, start: number, expected: Buffer): boolean {
  return json.compare(expected, 0, expected.length, start, start + expected.length) === 0
}

/** Whether the row behind the byte at `place` begins with an id. */
function hasId(json: Buffer, place: number): boolean {
  const start = place + 1 + MEMBER_HEAD.length
  for (let at = start; at < start + ID_LENGTH; at += 1) if (isHexDigit[json[at] ?? 0] === 0) return false
  return json[start + ID_LENGTH] === QUOTE
}

function isId(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text)
}

function asCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index]
  if (item === undefined) throw new RangeError(`Cannot take row ${index} of ${items.length}`)
  return item
}
