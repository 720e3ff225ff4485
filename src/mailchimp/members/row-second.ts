import { isRecord } from "./page-envelope.ts"
import type { JoinedRows } from "./joined-members.ts"
import { parseJson } from "./parse-members.ts"
import type { Second } from "./page.ts"

const CHANGED = Buffer.from('"last_changed":"')
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"$/
const DATE_LENGTH = 26

/**
 * The `last_changed` of a row, in seconds. The bytes of the key cannot occur inside a string, where its quotes would be escaped.
 * A row with two such keys, or with a date in another spelling than Mailchimp's, is parsed, which takes ten times as long.
 */
export function secondOf({ joined, boundaries }: JoinedRows, index: number): Second | undefined {
  const [position, end] = [boundaries[index], boundaries[index + 1]]
  if (position === undefined || end === undefined) return undefined
  const found = joined.indexOf(CHANGED, position)
  const again = joined.indexOf(CHANGED, found + 1)
  const start = found + CHANGED.length
  const date = joined.toString("latin1", start, start + DATE_LENGTH)
  const isOnly = found !== -1 && found < end && (again === -1 || again >= end)
  return isOnly && DATE.test(date)
    ? toSecond(date.slice(0, -1))
    : parsedSecondOf(joined.subarray(position + 1, end))
}

/** Mailchimp sends an ISO 8601 date with a zone, or an empty string if it has none. */
function parsedSecondOf(row: Buffer): Second | undefined {
  const member = parseJson(row)
  const changed = isRecord(member) ? member["last_changed"] : undefined
  return typeof changed === "string" ? toSecond(changed) : undefined
}

function toSecond(date: string): Second | undefined {
  const second = Math.floor(Date.parse(date) / 1000)
  return Number.isNaN(second) ? undefined : second
}
