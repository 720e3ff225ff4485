import { AppError } from "../../../errors.ts"
import { isRecord, tryParse } from "../../../mailchimp/members/page-envelope.ts"
import type { Member } from "./columns.ts"

const NEWLINE = 0x0a

/** Parses rows that each come after a newline, one at a time, because the rows of a page may have 20 MB together. */
export function* parseRows(bytes: Uint8Array): Generator<Member> {
  const rows = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let start = 1; start < rows.length;) {
    const newline = rows.indexOf(NEWLINE, start)
    const end = newline === -1 ? rows.length : newline
    const member = tryParse(rows.toString("utf8", start, end))
    // The message of a syntax error may quote the row, so it is dropped.
    if (!isRecord(member))
      throw new AppError(
        "mailchimp_error",
        "Cannot write a member as CSV because its row is not a JSON object",
      )
    yield member
    start = end + 1
  }
}
