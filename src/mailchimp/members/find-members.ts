import { isUtf8 } from "node:buffer"
import { compactObjectEnd } from "./compact-json.ts"
import { valueEnd } from "./json-bytes.ts"
import { isRecord, requireList, totalItemsOf, tryParse } from "./page-envelope.ts"
import { addIdBytes } from "../../lib/id-sum.ts"
import { type JoinedMembers, NEWLINE, at } from "./joined-members.ts"
import { ID_LENGTH, ID_OFFSET, createUniqueIds, hashId } from "./unique-ids.ts"
import { CLOSE_ARRAY, COLON, COMMA, QUOTE } from "./json-syntax.ts"

const HEAD = Buffer.from('{"members":[{"id":"')
/** The position of the bracket before the first row. */
const FIRST_POSITION = HEAD.length - ID_OFFSET
/** Occurs between two objects of an array, but never inside a string, where a quote would be escaped. */
const BOUNDARY = Buffer.from('},{"id":"')

/** The bytes between two checks of the text: few enough to be still in the processor's cache after the search. */
const CHUNK = 65_536

/**
 * Finds the members by structure. Undefined if anything differs from how Mailchimp is known to write it; then a parser splits
 * the page.
 *
 * A boundary may also occur in an array inside a member, or after the members. So the page must have as many rows as it
 * counts, each with the first row's key after its id; the last row must be JSON, and the rest must complete the envelope.
 */
export function findMembers(
  json: Buffer,
  options: { readonly count: number; readonly offset: number; readonly listId?: string | undefined },
): JoinedMembers | undefined {
  const { count, offset, listId } = options
  if (json.compare(HEAD, 0, HEAD.length, 0, Math.min(HEAD.length, json.length)) !== 0) return undefined
  const boundaries = [FIRST_POSITION]
  let checked = 0
  for (let brace = json.indexOf(BOUNDARY); brace !== -1; brace = json.indexOf(BOUNDARY, brace + 2)) {
    if (boundaries.length === count) break
    boundaries.push(brace + 1)
    if (brace - checked < CHUNK) continue
    if (!isLine(json, checked, brace)) return undefined
    checked = brace
  }
  const start = at(boundaries, boundaries.length - 1) + 1
  const end = valueEnd(json, start)
  const envelope = envelopeAfter(json, end)
  if (!envelope) return undefined
  const totalItems = totalItemsOf(envelope)
  if (totalItems === undefined || boundaries.length !== Math.min(count, totalItems - offset)) return undefined
  // If `members` occurs twice, its first array could consist of one row, and the last row belong to the second array.
  if (valueEnd(json, FIRST_POSITION + 1) !== (boundaries[1] ?? end)) return undefined
  if (!isObject(json, start, end)) return undefined
  if (!isLine(json, checked, end) || !isUtf8(json.subarray(end))) return undefined
  const hashes = readIds(json, boundaries)
  if (!hashes) return undefined
  requireList(envelope, listId)

  // Replaces the opening bracket, or the comma.
  for (const position of boundaries) json[position] = NEWLINE
  boundaries.push(end)
  const id = createUniqueIds(json, boundaries, hashes)
  return { joined: json, boundaries, totalItems, id, addIds: createAddIds(json, boundaries) }
}

/** Whether the row is a JSON object. A usual row needs no parser, which takes twenty times as long. */
function isObject(json: Buffer, start: number, end: number): boolean {
  return compactObjectEnd(json, start) === end || isRecord(tryParse(json.toString("utf8", start, end)))
}

/** Searches a Uint8Array, because searching a Buffer for a byte takes twice the time. */
function isLine({ buffer, byteOffset }: Buffer, start: number, end: number): boolean {
  const bytes = new Uint8Array(buffer, byteOffset + start, end - start)
  return isUtf8(bytes) && !bytes.includes(NEWLINE)
}

/** The rest of the envelope after the last row; undefined if the members cannot end there. */
function envelopeAfter(json: Buffer, end: number) {
  if (json[end] !== CLOSE_ARRAY || json[end + 1] !== COMMA) return undefined
  const envelope = tryParse(`{${json.toString("utf8", end + 2)}`)
  return isRecord(envelope) && !("members" in envelope) ? envelope : undefined
}

/** A hash of each id. Undefined if an id has another length, or if another key than in the first row follows it. */
function readIds(json: Buffer, boundaries: readonly number[]): Int32Array | undefined {
  const view = new DataView(json.buffer, json.byteOffset, json.byteLength)
  const first = idEnd(json, FIRST_POSITION + ID_OFFSET)
  const length = json.indexOf(COLON, first) + 1 - first
  if (json[first] !== COMMA || length < 4) return undefined
  // Four times four bytes cover all of a usual key, or most of a long one.
  const [b, c, d] = [Math.floor((length - 4) / 3), Math.floor(((length - 4) * 2) / 3), length - 4]
  const [wordA, wordB] = [view.getInt32(first), view.getInt32(first + b)]
  const [wordC, wordD] = [view.getInt32(first + c), view.getInt32(first + d)]
  const hashes = new Int32Array(boundaries.length)
  for (let index = 0; index < boundaries.length; index += 1) {
    const start = at(boundaries, index) + ID_OFFSET
    const end = idEnd(json, start)
    if (end === 0 || end + length > json.length) return undefined
    if (view.getInt32(end) !== wordA || view.getInt32(end + b) !== wordB) return undefined
    if (view.getInt32(end + c) !== wordC || view.getInt32(end + d) !== wordD) return undefined
    if (start + ID_LENGTH <= json.length) hashes[index] = hashId(view, start)
  }
  return hashes
}

function createAddIds(json: Buffer, boundaries: readonly number[]): JoinedMembers["addIds"] {
  const view = new DataView(json.buffer, json.byteOffset, json.byteLength)
  return (sum, start, end, onNone) => {
    for (let index = start; index < end; index += 1) {
      const id = at(boundaries, index) + ID_OFFSET
      if (json[id] === QUOTE) onNone(index)
      else addIdBytes(sum, view, id)
    }
  }
}

/** The end of an id, after its quote, if it is as long as Mailchimp's ids or empty; otherwise 0. */
function idEnd(json: Buffer, start: number): number {
  if (json[start] === QUOTE) return start + 1
  return json[start + ID_LENGTH] === QUOTE ? start + ID_LENGTH + 1 : 0
}
