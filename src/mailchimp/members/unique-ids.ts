import { valueEnd } from "./json-bytes.ts"
import { tryParse } from "./page-envelope.ts"
import { at } from "./joined-members.ts"
import { QUOTE } from "./json-syntax.ts"

/** Mailchimp's ids are MD5s in hex. */
export const ID_LENGTH = 32
/** The distance from the byte before a row to the row's id. */
export const ID_OFFSET = ',{"id":"'.length
const FEW_LOOKUPS = 16
const USUAL_ID = /^[0-9a-f]{32}$/

/** A hash of the id at `start`, from half of its bytes. */
export function hashId(view: DataView, start: number): number {
  const half = Math.imul(view.getInt32(start), 31) ^ view.getInt32(start + 12)
  const whole = Math.imul(Math.imul(half, 31) ^ view.getInt32(start + 20), 31) ^ view.getInt32(start + 28)
  return Math.imul(whole, 0x9e3779b1)
}

/**
 * The keys of a page's rows: each id that is not empty and occurs once. Only requested ids become strings, and only ids with
 * equal hashes are compared.
 *
 * @param boundaries the position of the byte before each row
 * @param hashes a hash of the first bytes of each id; meaningless for a shorter id
 */
export function createUniqueIds(
  json: Buffer,
  boundaries: readonly number[],
  hashes: Int32Array,
): (index: number) => string | undefined {
  let lookups = 0
  let repeated: Uint8Array | undefined

  return (index) => {
    const id = idAt(index)
    if (id === undefined || id === "") return undefined
    if (id.length >= ID_LENGTH && !isRepeated(index)) return id
    return hashes.some((_, other) => other !== index && idAt(other) === id) ? undefined : id
  }

  /** Most pages need only a few ids, for which a search takes less time than a table. */
  function isRepeated(index: number): boolean {
    lookups += 1
    if (lookups > FEW_LOOKUPS) return (repeated ??= markRepeated(hashes))[index] === 1
    const hash = hashes[index] ?? 0
    return hashes.indexOf(hash) !== index || hashes.includes(hash, index + 1)
  }

  function idAt(index: number): string | undefined {
    const start = at(boundaries, index) + ID_OFFSET
    const usual = json.toString("latin1", start, start + ID_LENGTH)
    if (USUAL_ID.test(usual) && json[start + ID_LENGTH] === QUOTE) return usual
    const id = tryParse(json.toString("utf8", start - 1, valueEnd(json, start - 1)))
    return typeof id === "string" ? id : undefined
  }
}

/** Marks with 1 each hash that occurs more than once. */
function markRepeated(hashes: Int32Array): Uint8Array {
  const repeated = new Uint8Array(hashes.length)
  const bits = Math.ceil(Math.log2(hashes.length)) + 1
  /** A hash table with open addressing, at most half full. A slot has the number of a row, counted from 1. */
  const rows = new Int32Array(1 << bits)
  for (let index = 0; index < hashes.length; index += 1) {
    const hash = hashes[index] ?? 0
    let slot = hash >>> (32 - bits)
    let row = rows[slot] ?? 0
    while (row !== 0 && hashes[row - 1] !== hash) {
      slot = (slot + 1) & (rows.length - 1)
      row = rows[slot] ?? 0
    }
    if (row === 0) rows[slot] = index + 1
    else repeated[index] = repeated[row - 1] = 1
  }
  return repeated
}
