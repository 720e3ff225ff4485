import { freeBytes } from "../../lib/free-bytes.ts"
import { findMembers } from "./find-members.ts"
import { addText } from "../../lib/id-sum.ts"
import { at } from "./joined-members.ts"
import { parseMembers } from "./parse-members.ts"
import { secondOf } from "./row-second.ts"
import { statusOf } from "./row-status.ts"
import type { Rows } from "./page.ts"
import { withoutKeys } from "./without-keys.ts"

export type SplitOptions = {
  /** How many rows were requested, and from which offset. */
  readonly count: number
  readonly offset: number
  /** The list that was requested. A response that names another one is not a page of it. */
  readonly listId?: string | undefined
  /** Keys of a member that only we requested. They are removed from the rows. */
  readonly without?: readonly string[] | undefined
}

/**
 * Splits a members response into its rows without parsing them. The boundaries between members are found by structure, each
 * comma there is replaced by a newline in place, and slices of the same bytes are passed on: spelling of numbers, escapes and
 * order of keys stay as Mailchimp sent them. A response with any other structure is split by a parser.
 *
 * The whole page is checked to be UTF-8, and its last row and its envelope to be JSON. Parsing the other rows, too, would take
 * ten times as long.
 *
 * @param body the whole body; it is changed in place and belongs to the rows from now on
 * @throws {MalformedPage} if the body is not a page of at most `count` members
 */
export function splitMembers(body: Uint8Array, options: SplitOptions): Rows {
  const { without = [] } = options
  const json = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const members = findMembers(json, options) ?? parseMembers(json, options)
  const { boundaries, totalItems, id } = members
  const length = boundaries.length - 1
  // The seconds of the first and the last row are always needed. If read here, a malformed row causes a retry.
  const seconds = new Map([0, length - 1].map((edge) => [edge, secondOf(members, edge)]))
  const sent = without.length > 0 ? withoutKeys(members, without) : members
  let isReleased = false

  const bytes = (start: number, end: number) => {
    if (isReleased) throw new TypeError("Cannot read the rows of a page that was released")
    return sent.joined.subarray(at(sent.boundaries, start), at(sent.boundaries, end))
  }
  return {
    length,
    totalItems,
    id,
    second: (index) => (seconds.has(index) ? seconds.get(index) : secondOf(members, index)),
    status: (index) => statusOf(members, index),
    fingerprint: (index) => {
      const hash = Bun.hash(bytes(index, index + 1))
      // Two versions of one second may differ in nothing but the status.
      return without.includes("status") ? `${hash} ${statusOf(members, index)}` : hash
    },
    bytes,
    addIds: (sum, start, end) => {
      members.addIds(sum, start, end, (index) => addText(sum, String(Bun.hash(bytes(index, index + 1)))))
    },
    release: () => {
      if (isReleased) return
      isReleased = true
      for (const bytes of [body, members.joined, sent.joined]) freeBytes(bytes)
    },
  }
}
