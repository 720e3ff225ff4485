import { freeBytes } from "../../lib/free-bytes.ts"
import { findMembers } from "./find-members.ts"
import { addText } from "../../lib/id-sum.ts"
import { at } from "./joined-members.ts"
import { parseMembers } from "./parse-members.ts"
import { secondOf } from "./row-second.ts"
import type { Rows } from "./page.ts"
import { withoutKeys } from "./without-keys.ts"

export type SplitOptions = {
  /** How many rows were asked for, and from which place. */
  readonly count: number
  readonly offset: number
  /** The list that was requested. A response that names another one is not a page of it. */
  readonly listId?: string | undefined
  /** Keys of a member that were asked for by us alone and must not go out. */
  readonly without?: readonly string[]
}

/**
 * Splits a members answer into its rows without parsing them. The boundaries between members are found by structure,
 * the comma there becomes a newline in place, and slices of the same bytes go out: number spelling, escapes and key
 * order stay as Mailchimp sent them. An answer that does not look exactly so is split by a parser.
 *
 * All of the page is checked to be UTF-8, and its last row and its envelope to be JSON. The rows before are not parsed,
 * which would take ten times as long.
 *
 * @param body the whole body; it is changed in place and belongs to the rows from here on
 * @throws {MalformedPage} when it is not a page of at most `count` members
 */
export function splitMembers(body: Uint8Array, options: SplitOptions): Rows {
  const { without = [] } = options
  const json = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const members = findMembers(json, options) ?? parseMembers(json, options)
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
      members.addIds(sum, start, end, (index) => addText(sum, String(Bun.hash(bytes(index, index + 1)))))
    },
    release: () => {
      if (isReleased) return
      isReleased = true
      for (const bytes of [body, members.joined, sent.joined]) freeBytes(bytes)
    },
  }
}
