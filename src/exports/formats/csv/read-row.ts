import { AppError } from "../../../errors.ts"
import { compactValueEnd } from "../../../mailchimp/members/compact-json.ts"
import { valueEnd } from "../../../mailchimp/members/json-bytes.ts"
import {
  CLOSE_OBJECT,
  COLON,
  COMMA,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
} from "../../../mailchimp/members/json-syntax.ts"
import { isRecord, tryParse } from "../../../mailchimp/members/page-envelope.ts"
import { plainTextEnd } from "../../../lib/csv/plain-text.ts"
import type { Field, Fields } from "./fields.ts"
import { hasBytes } from "./has-bytes.ts"

/** How `null` begins. */
const NULL = "null".charCodeAt(0)

/** Returns the end of the value at `start`; 0 if there is none, or if it needs a parser. */
type SkipValue = (json: Uint8Array, start: number) => number

/**
 * Finds where the values of a row are, without creating them: parsing takes four times as long. Values are checked against the
 * grammar of JSON. A row that needs a parser, or has a key twice, is parsed and written anew.
 *
 * @returns the bytes to which the positions in `member` refer
 * @throws {AppError} `mailchimp_error` if the row is not a JSON object
 */
export function readRow(rows: Buffer, start: number, end: number, member: Fields): Buffer {
  if (rows[start] === OPEN_OBJECT && readObject(rows, start, member, compactValueEnd) === end) return rows
  const row = rewrite(rows.toString("utf8", start, end))
  member.keep(0)
  readObject(row, 0, member, valueEnd)
  return row
}

/** The row without white space between tokens, and with each key once. */
function rewrite(row: string): Buffer {
  const member = tryParse(row)
  // The message of a syntax error may quote the row, so it is dropped.
  if (!isRecord(member))
    throw new AppError("mailchimp_error", "Cannot write a member as CSV because its row is not a JSON object")
  return Buffer.from(JSON.stringify(member))
}

/** Every function from here on returns the end of something, or 0. */
function readObject(json: Buffer, start: number, fields: Fields, skip: SkipValue): number {
  const { present } = fields
  let position = start + 1
  let count = 0
  if (json[position] !== CLOSE_OBJECT) {
    for (;;) {
      let field = present[count]
      if (field === undefined || !hasBytes(json, position, field.key)) {
        field = changedField(json, position, fields, count)
        if (field === undefined) return 0
      }
      count += 1
      position = readValue(json, position + field.key.length, field, skip)
      if (position === 0) return 0
      if (json[position] === CLOSE_OBJECT) break
      if (json[position] !== COMMA) return 0
      position += 1
    }
  }
  fields.keep(count)
  return position + 1
}

/**
 * The field of the key at `position`, which the row before did not have there. Undefined if the key needs a parser, or occurs
 * twice.
 */
function changedField(json: Buffer, position: number, fields: Fields, index: number): Field | undefined {
  const guess = fields.alternative(index)
  const field = guess && hasBytes(json, position, guess.key) ? guess : fieldAfterKey(json, position, fields)
  return field && fields.place(field, index) ? field : undefined
}

/** The field of the key at `start`. Undefined if there is no key, or if its spelling needs a parser. */
function fieldAfterKey(json: Buffer, start: number, fields: Fields): Field | undefined {
  const end = json[start] === QUOTE ? compactValueEnd(json, start) : 0
  if (end === 0 || json[end] !== COLON) return undefined
  const field = fields.get(String(tryParse(json.toString("utf8", start, end))))
  return hasBytes(json, start, field.key) ? field : undefined
}

function readValue(json: Buffer, start: number, field: Field, skip: SkipValue): number {
  const first = json[start]
  field.start = start
  if (first !== OPEN_OBJECT) field.fields?.keep(0)
  if (first === QUOTE) {
    const textEnd = plainTextEnd(json, start + 1)
    if (json[textEnd] === QUOTE) {
      field.kind = "text"
      return (field.end = textEnd + 1)
    }
  }
  const isLiteral = first !== QUOTE && first !== OPEN_OBJECT && first !== OPEN_ARRAY
  field.kind = isLiteral ? (first === NULL ? "null" : "literal") : "other"
  const fields = first === OPEN_OBJECT && field.fields
  field.end = fields ? readObject(json, start, fields, skip) : skip(json, start)
  return field.end
}
