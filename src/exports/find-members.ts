import { valueEnd } from "../lib/json-bytes.ts"
import { isRecord, requireList, totalItemsOf, tryParse } from "./envelope.ts"
import { type IdSum, addIdBytes } from "./id-sum.ts"
import { type JoinedMembers, NEWLINE, at } from "./joined-members.ts"
import { ID_LENGTH, createUniqueIds, hashId } from "./unique-ids.ts"

const HEAD = Buffer.from('{"members":[{"id":"')
/** The bytes of a row before its id. */
const MEMBER_HEAD = '{"id":"'.length
/** Between two objects of an array, and nowhere inside a string: a quote there is escaped, and no string ends so. */
const BOUNDARY = Buffer.from('},{"id":"')
const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const CLOSE_ARRAY = 0x5d

/**
 * The members by structure; undefined if anything is not as Mailchimp is known to write it. Then a parser splits them.
 *
 * A boundary may be in an array inside a member, or after the members. So there must be as many rows as the page counts, each
 * with the first row's key after its id; the first and the last row must be JSON, and what follows complete the envelope.
 */
export function findMembers(
  json: Buffer,
  options: { readonly count: number; readonly offset: number; readonly listId?: string | undefined },
): JoinedMembers | undefined {
  const { count, offset, listId } = options
  if (json.compare(HEAD, 0, HEAD.length, 0, Math.min(HEAD.length, json.length)) !== 0) return undefined
  const places = [HEAD.length - MEMBER_HEAD - 1]
  for (let brace = json.indexOf(BOUNDARY); brace !== -1; brace = json.indexOf(BOUNDARY, brace + 2)) {
    if (places.length === count) break
    places.push(brace + 1)
  }
  const start = at(places, places.length - 1) + 1
  const end = valueEnd(json, start)
  const envelope = envelopeAfter(json, end)
  if (!envelope) return undefined
  const totalItems = totalItemsOf(envelope)
  if (totalItems === undefined || places.length !== Math.min(count, totalItems - offset)) return undefined
  const starts = places.map((place) => place + 1 + MEMBER_HEAD)
  const hashes = readIds(json, starts)
  if (!hashes || !isRow(json, start, end) || !isRow(json, at(places, 0) + 1, places[1] ?? end))
    return undefined
  if (json.subarray(0, end).includes(NEWLINE)) return undefined
  requireList(envelope, listId)

  // A comma, or the opening bracket.
  for (const place of places) json[place] = NEWLINE
  places.push(end)
  const id = createUniqueIds(json, starts, hashes)
  return { joined: json, places, totalItems, id, addId: createAddId(json, starts) }
}

/** What follows the end of the last row, as an object; undefined if that cannot be the end of the members. */
function envelopeAfter(json: Buffer, end: number) {
  if (json[end] !== CLOSE_ARRAY || json[end + 1] !== COMMA) return undefined
  const envelope = tryParse(`{${json.toString("utf8", end + 2)}`)
  return isRecord(envelope) && !("members" in envelope) ? envelope : undefined
}

function isRow(json: Buffer, start: number, end: number): boolean {
  return isRecord(tryParse(json.toString("utf8", start, end)))
}

/** A hash of each id. Undefined if an id has another length, or another key after it than that of the first row. */
function readIds(json: Buffer, starts: readonly number[]): Int32Array | undefined {
  const view = new DataView(json.buffer, json.byteOffset, json.byteLength)
  const first = idEnd(json, at(starts, 0))
  const length = json.indexOf(COLON, first) + 1 - first
  if (json[first] !== COMMA || length < 4) return undefined
  // Four times four bytes: all of them, or nearly all of a long key.
  const [b, c, d] = [Math.floor((length - 4) / 3), Math.floor(((length - 4) * 2) / 3), length - 4]
  const [wordA, wordB] = [view.getInt32(first), view.getInt32(first + b)]
  const [wordC, wordD] = [view.getInt32(first + c), view.getInt32(first + d)]
  const hashes = new Int32Array(starts.length)
  for (let index = 0; index < starts.length; index += 1) {
    const start = at(starts, index)
    const end = idEnd(json, start)
    if (end === 0 || end + length > json.length) return undefined
    if (view.getInt32(end) !== wordA || view.getInt32(end + b) !== wordB) return undefined
    if (view.getInt32(end + c) !== wordC || view.getInt32(end + d) !== wordD) return undefined
    if (start + ID_LENGTH <= json.length) hashes[index] = hashId(view, start)
  }
  return hashes
}

function createAddId(json: Buffer, starts: readonly number[]): (sum: IdSum, index: number) => boolean {
  const view = new DataView(json.buffer, json.byteOffset, json.byteLength)
  return (sum, index) => {
    const start = at(starts, index)
    if (json[start] === QUOTE) return false
    addIdBytes(sum, view, start)
    return true
  }
}

/** Where an id ends, after its quote, if it is as long as Mailchimp's or empty; else 0. */
function idEnd(json: Buffer, start: number): number {
  if (json[start] === QUOTE) return start + 1
  return json[start + ID_LENGTH] === QUOTE ? start + ID_LENGTH + 1 : 0
}
