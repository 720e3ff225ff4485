import { valueEnd } from "../lib/json-bytes.ts"
import { tryParse } from "./envelope.ts"
import { at } from "./joined-members.ts"

const QUOTE = 0x22

/** Mailchimp's ids are MD5s in hex. */
export const ID_LENGTH = 32

/** A hash of the bytes from `start`: half of them, spread over all. */
export function hashId(view: DataView, start: number): number {
  const half = Math.imul(view.getInt32(start), 31) ^ view.getInt32(start + 12)
  const whole = Math.imul(Math.imul(half, 31) ^ view.getInt32(start + 20), 31) ^ view.getInt32(start + 28)
  return Math.imul(whole, 0x9e3779b1)
}

/**
 * The keys of a page's rows: each id that is not empty and occurs once. Only the few ids that are needed become strings,
 * and only those with an equal hash are compared.
 *
 * @param starts where each id begins, after its quote
 * @param hashes of the bytes there; they say nothing of an id that is shorter
 */
export function createUniqueIds(
  json: Buffer,
  starts: readonly number[],
  hashes: Int32Array,
): (index: number) => string | undefined {
  return (index) => {
    const id = idAt(at(starts, index))
    if (id === undefined || id === "") return undefined
    const hash = hashes[index] ?? 0
    const isHashUnique = hashes.indexOf(hash) === index && !hashes.includes(hash, index + 1)
    if (isHashUnique && id.length >= ID_LENGTH) return id
    return starts.some((start, other) => other !== index && idAt(start) === id) ? undefined : id
  }

  function idAt(start: number): string | undefined {
    const end = json.indexOf(QUOTE, start)
    const text = json.toString("utf8", start, end)
    if (!text.includes("\\")) return text
    const id = tryParse(json.toString("utf8", start - 1, valueEnd(json, start - 1)))
    return typeof id === "string" ? id : undefined
  }
}
