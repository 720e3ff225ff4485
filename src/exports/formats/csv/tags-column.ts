import { plainTextEnd } from "../../../lib/csv/plain-text.ts"
import type { RowBytes } from "../../../lib/csv/row-bytes.ts"
import { COMMA, OPEN_ARRAY } from "../../../mailchimp/members/json-syntax.ts"
import { type Column, writeField } from "./columns.ts"
import { type Field, type Fields, fieldAt } from "./fields.ts"
import { hasBytes } from "./has-bytes.ts"
import { toTagsCell } from "./values.ts"

/** What is around the name of a tag, in JSON and in the cell. */
const BEFORE_NAME = Buffer.from('{"name":"')
const AFTER_NAME = Buffer.from('"}')
const FIRST_QUOTES = Buffer.from('"""')
const QUOTES_BETWEEN = Buffer.from('"",""')
const LAST_QUOTES = Buffer.from('"""')

export function createTagsColumn(member: Fields): Column {
  const field = fieldAt(member, ["tags"])
  return {
    name: "TAGS",
    field: "tags.name",
    writeCell: (json, row) => {
      // Most members have none.
      if (isEmptyArray(json, field)) return
      if (isPlainTags(json, field)) writePlainTags(json, field, row)
      else writeField(json, field, toTagsCell, row)
    },
  }
}

function isEmptyArray(json: Buffer, { kind, start, end }: Field): boolean {
  return kind === "other" && end - start === "[]".length && json[start] === OPEN_ARRAY
}

/** Whether the value, which is valid JSON, is an array of objects that have nothing but a `name`, of plain text. */
function isPlainTags(json: Buffer, { kind, start }: Field): boolean {
  if (kind !== "other" || json[start] !== OPEN_ARRAY) return false
  let position = start
  do {
    if (!hasBytes(json, position + 1, BEFORE_NAME)) return false
    position = plainTextEnd(json, position + 1 + BEFORE_NAME.length)
    if (!hasBytes(json, position, AFTER_NAME)) return false
    position += AFTER_NAME.length
  } while (json[position] === COMMA)
  return true
}

/** Writes what {@link toTagsCell} returns, which has to parse the tags. */
function writePlainTags(json: Buffer, { start, end }: Field, row: RowBytes): void {
  let quotes = FIRST_QUOTES
  for (let position = start + 1; position < end;) {
    row.copy(quotes, 0, quotes.length)
    const nameStart = position + BEFORE_NAME.length
    const nameEnd = plainTextEnd(json, nameStart)
    row.copy(json, nameStart, nameEnd)
    quotes = QUOTES_BETWEEN
    // Also past the comma or the bracket.
    position = nameEnd + AFTER_NAME.length + 1
  }
  row.copy(LAST_QUOTES, 0, LAST_QUOTES.length)
}
