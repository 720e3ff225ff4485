import { objectEntries, valueEnd } from "./json-bytes.ts"
import { isRecord, tryParse } from "./page-envelope.ts"
import { type JoinedRows, at } from "./joined-members.ts"
import { MalformedPage } from "./malformed-page.ts"
import { createLeaveOutUsual } from "./usual-keys.ts"
import { BACKSLASH, CLOSE_OBJECT, COLON, COMMA, OPEN_OBJECT, QUOTE, SPACE } from "./json-syntax.ts"

/** Copying shorter pieces byte by byte takes less time than calling `copy`. */
const SHORT_BYTES = 8

/** The spans to leave out, in order, as alternating starts and ends, and the bytes that replace some of them. */
type Edits = { readonly bounds: number[]; readonly replaced: Map<number, Uint8Array> }

/**
 * The same rows without some of their keys. All other bytes stay as they are.
 *
 * In a row as Mailchimp writes it, the keys are found by pattern. In any other row they are found by one pass over quotes and
 * brackets. A row with white space between its entries, or with escapes in its keys, is written anew from its entries.
 *
 * @throws {MalformedPage} if a row is not an object
 */
export function withoutKeys({ joined, boundaries }: JoinedRows, names: readonly string[]): JoinedRows {
  const keys = names.map((name) => Buffer.from(name))
  const leaveOutUsual = createLeaveOutUsual(joined, names)
  const edits: Edits = { bounds: [], replaced: new Map() }
  const kept = [0]
  let length = 0
  for (let index = 0; index + 1 < boundaries.length; index += 1) {
    const start = at(boundaries, index) + 1
    const end = at(boundaries, index + 1)
    length += 1
    length +=
      leaveOutUsual(start, end, edits.bounds) ??
      leaveOut(keys, joined, start, end, edits) ??
      replaceRow(names, joined, start, end, edits)
    kept.push(length)
  }
  return { joined: applyEdits({ joined, boundaries }, length, edits), boundaries: kept }
}

/**
 * Leaves the entries of some keys out of one row.
 *
 * @returns how many bytes are left of the row; undefined if it is damaged, or in another spelling than Mailchimp's
 */
function leaveOut(
  keys: readonly Buffer[],
  json: Buffer,
  start: number,
  end: number,
  { bounds }: Edits,
): number | undefined {
  const boundsBefore = bounds.length
  let left = end - start
  let isFirst = true
  let entry = start + 1
  for (let next = json[start] === OPEN_OBJECT ? COMMA : 0; next === COMMA; entry += 1) {
    const colon = colonAfterKey(json, entry)
    const entryEnd = colon === 0 ? end : valueEnd(json, colon + 1)
    if (entryEnd >= end) break
    next = json[entryEnd] ?? 0
    if (isOneOf(keys, json, entry + 1, colon - 1)) {
      // Leaves out the comma before the entry, or the comma after the entry if no entry before is left.
      const [from, to] = isFirst ? [entry, next === COMMA ? entryEnd + 1 : entryEnd] : [entry - 1, entryEnd]
      bounds.push(from, to)
      left -= to - from
    } else isFirst = false
    if (next === CLOSE_OBJECT && entryEnd === end - 1) return left
    entry = entryEnd
  }
  bounds.length = boundsBefore
  return undefined
}

/** The position of the colon after a key; 0 unless there is a key without escapes, followed by a colon. */
function colonAfterKey(json: Buffer, start: number): number {
  if (json[start] !== QUOTE) return 0
  let end = start + 1
  for (let byte = json[end] ?? 0; byte !== QUOTE; byte = json[++end] ?? 0)
    if (byte < SPACE || byte === BACKSLASH) return 0
  return json[end + 1] === COLON ? end + 1 : 0
}

function isOneOf(keys: readonly Buffer[], json: Buffer, start: number, end: number): boolean {
  for (const key of keys) {
    if (key.length !== end - start) continue
    let index = 0
    while (index < key.length && key[index] === json[start + index]) index += 1
    if (index === key.length) return true
  }
  return false
}

/**
 * Writes one row anew, by its entries.
 *
 * @returns its new length
 * @throws {MalformedPage} if it is not an object
 */
function replaceRow(
  names: readonly string[],
  json: Buffer,
  start: number,
  end: number,
  { bounds, replaced }: Edits,
): number {
  const row = json.subarray(start, end)
  // The rows of a page were not validated before, so a damaged row may only be found here.
  if (!isRecord(tryParse(row.toString()))) throw new MalformedPage("a row is not JSON")
  const kept = objectEntries(row, row.indexOf(OPEN_OBJECT))
    .filter(({ key }) => !names.includes(key))
    .map(({ entry }) => row.toString("utf8", entry.start, entry.end))
  const bytes = Buffer.from(`{${kept.join(",")}}`)
  replaced.set(start, bytes)
  bounds.push(start, end)
  return bytes.length
}

/** The rows without what the edits leave out: `length` bytes. */
function applyEdits({ joined, boundaries }: JoinedRows, length: number, { bounds, replaced }: Edits): Buffer {
  // Not from the pool, so that its memory can be freed. Every byte is overwritten.
  const result = Buffer.allocUnsafeSlow(length)
  let to = 0
  let from = at(boundaries, 0)
  for (let index = 0; index < bounds.length; index += 2) {
    const start = at(bounds, index)
    to = copy(joined, from, start, result, to)
    const bytes = replaced.size > 0 ? replaced.get(start) : undefined
    if (bytes) {
      result.set(bytes, to)
      to += bytes.length
    }
    from = at(bounds, index + 1)
  }
  copy(joined, from, at(boundaries, boundaries.length - 1), result, to)
  return result
}

/** Copies the bytes from `start` up to, but not including, `end`. Returns the end of the copy. */
function copy(source: Buffer, start: number, end: number, target: Buffer, to: number): number {
  if (end - start > SHORT_BYTES) source.copy(target, to, start, end)
  else for (let index = start; index < end; index += 1) target[to + index - start] = source[index] ?? 0
  return to + end - start
}
