import { freeBytes } from "../lib/free-bytes.ts"
import { arrayValues, compact, objectEntries, type Span } from "../lib/json-bytes.ts"
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
  readonly spans: readonly Span[]
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
  const found = findMembers(json, count, offset)
  const members = found ?? parseMembers(json, count)
  const { spans, totalItems, id } = members

  // The rows at the edges are needed in any case. Read here, a malformed one is asked for again.
  const seconds = new Map([0, spans.length - 1].map((edge) => [edge, secondOf(json, spans[edge])]))
  const bytes =
    without.length > 0
      ? join(spans.map((span) => withoutKeys(json, span, without)))
      : found
        ? joinInPlace(json, spans)
        : join(spans.map((span) => compact(json, span)))

  let isReleased = false

  return {
    length: spans.length,
    totalItems,
    id,
    second: (index) => (seconds.has(index) ? seconds.get(index) : quickSecondOf(json, spans[index])),
    fingerprint: (index) => Bun.hash(bytes(index, index + 1)),
    bytes: (start, end) => {
      if (isReleased) throw new TypeError("Cannot read the rows of a page that was released")
      return bytes(start, end)
    },
    release: () => {
      if (isReleased) return
      isReleased = true
      freeBytes(bytes(0, spans.length))
      freeBytes(body)
    },
  }
}

/** The members by structure; undefined where anything is not as Mailchimp is known to write it. */
function findMembers(json: Buffer, count: number, offset: number): Members | undefined {
  const end = json.lastIndexOf(MEMBERS_END)
  if (end === -1 || !startsWith(json, 0, HEAD) || !startsWith(json, HEAD.length, MEMBER_HEAD))
    return undefined
  const totalItems = totalItemsOf(`{${json.toString("utf8", end + MEMBERS_END.length - 1)}`)
  if (totalItems === undefined || json.subarray(0, end).includes(NEWLINE)) return undefined

  const spans: Span[] = []
  let start = HEAD.length
  for (let found = json.indexOf(BOUNDARY, start); found !== -1; found = json.indexOf(BOUNDARY, start)) {
    spans.push({ start, end: found + 1 })
    start = found + 2
  }
  spans.push({ start, end: end + 1 })

  if (spans.length !== Math.min(count, totalItems - offset)) return undefined
  if (!spans.every((span) => hasId(json, span))) return undefined
  const idAt = (start: number) => json.toString("latin1", start, start + ID_LENGTH)
  return { spans, totalItems, id: (index) => idAt(at(spans, index).start + MEMBER_HEAD.length) }
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
  return { spans, totalItems, id: (index) => at(ids, index) }
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

/** Turns the byte before each row, a comma or the opening bracket, into a newline. */
function joinInPlace(json: Buffer, spans: readonly Span[]): Rows["bytes"] {
  for (const { start } of spans) json[start - 1] = NEWLINE
  return (start, end) =>
    end > start ? json.subarray(at(spans, start).start - 1, at(spans, end - 1).end) : json.subarray(0, 0)
}

function join(rows: readonly Uint8Array[]): Rows["bytes"] {
  const places = [0]
  for (const row of rows) places.push(at(places, places.length - 1) + 1 + row.length)
  const joined = new Uint8Array(at(places, rows.length))
  rows.forEach((row, index) => {
    joined[at(places, index)] = NEWLINE
    joined.set(row, at(places, index) + 1)
  })
  return (start, end) => joined.subarray(at(places, start), at(places, end))
}

function withoutKeys(json: Buffer, { start }: Span, keys: readonly string[]): Uint8Array {
  const kept = objectEntries(json, start).filter(({ key }) => !keys.includes(key))
  const parts = kept.map(({ entry }) => compact(json, entry))
  return Buffer.concat([
    Buffer.from("{"),
    ...parts.flatMap((part, index) => (index === 0 ? [part] : [Buffer.from(","), part])),
    Buffer.from("}"),
  ])
}

/** Mailchimp writes an ISO 8601 date with a zone, or an empty string where it has none. */
function secondOf(json: Buffer, span: Span | undefined): Second | undefined {
  const member = span && parseJson(json.subarray(span.start, span.end))
  const changed = isRecord(member) ? member["last_changed"] : undefined
  return typeof changed === "string" ? toSecond(changed) : undefined
}

function toSecond(date: string): Second | undefined {
  const second = Math.floor(Date.parse(date) / 1000)
  return Number.isNaN(second) ? undefined : second
}

/**
 * The same without a parser, which takes ten times as long: after a bulk import every row of a page is asked for its
 * second. The bytes of the key cannot be inside a string, where its quotes would be escaped; a row that holds them twice,
 * or a date in another spelling, is parsed.
 */
function quickSecondOf(json: Buffer, span: Span | undefined): Second | undefined {
  if (span === undefined) return undefined
  const found = json.indexOf(CHANGED, span.start)
  const again = json.indexOf(CHANGED, found + 1)
  const start = found + CHANGED.length
  const date = json.toString("latin1", start, start + DATE_LENGTH)
  const isOnly = found !== -1 && found < span.end && (again === -1 || again >= span.end)
  return isOnly && DATE.test(date) ? toSecond(date.slice(0, -1)) : secondOf(json, span)
}

function startsWith(json: Buffer, start: number, expected: Buffer): boolean {
  return json.compare(expected, 0, expected.length, start, start + expected.length) === 0
}

function hasId(json: Buffer, { start }: Span): boolean {
  const idStart = start + MEMBER_HEAD.length
  for (let at = idStart; at < idStart + ID_LENGTH; at += 1) if (!isHexDigit(json[at] ?? 0)) return false
  return json[idStart + ID_LENGTH] === QUOTE
}

function isHexDigit(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66)
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
