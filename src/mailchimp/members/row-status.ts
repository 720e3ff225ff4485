import type { JoinedRows } from "./joined-members.ts"
import { isRecord } from "./page-envelope.ts"
import { parseJson } from "./parse-members.ts"

const STATUS = Buffer.from('"status":"')
/** Letters alone, so the quote that ends the text is not escaped. */
const WORD = /^[a-z]{1,20}(?=")/
const LONGEST = 21

/**
 * The `status` of a row. The bytes of the key cannot occur inside a string, where its quotes would be escaped. A row with two
 * such keys, or with an unusual status, is parsed, which takes ten times as long.
 */
export function statusOf({ joined, boundaries }: JoinedRows, index: number): string | undefined {
  const [position, end] = [boundaries[index], boundaries[index + 1]]
  if (position === undefined || end === undefined) return undefined
  const row = joined.subarray(position + 1, end)
  const found = row.indexOf(STATUS)
  const isOnly = found !== -1 && row.indexOf(STATUS, found + 1) === -1
  const start = found + STATUS.length
  const [word] = (isOnly && WORD.exec(row.toString("latin1", start, start + LONGEST))) || []
  return word ?? parsedStatusOf(row)
}

function parsedStatusOf(row: Buffer): string | undefined {
  const member = parseJson(row)
  const status = isRecord(member) ? member["status"] : undefined
  return typeof status === "string" ? status : undefined
}
