import { OPEN_OBJECT } from "../../../mailchimp/members/json-syntax.ts"
import type { RowBytes } from "../../../lib/csv/row-bytes.ts"
import { type Field, fieldAt, fieldsOf } from "./fields.ts"
import { addressParts } from "./values.ts"

const SEPARATOR = Buffer.from("  ")

/**
 * Creates a function that writes an address as {@link toMergeCell} does, which has to parse it and takes ten times as long.
 * Returns false, and writes nothing, if the value is no address, or if a part is neither plain text nor missing.
 */
export function createAddressWriter(address: Field): (json: Buffer, row: RowBytes) => boolean {
  const fields = fieldsOf(address)
  const parts = addressParts.map((part) => fieldAt(fields, [part]))
  return (json, row) => {
    if (json[address.start] !== OPEN_OBJECT) return false
    let hasParts = false
    for (const { kind } of parts) {
      if (kind === "literal" || kind === "other") return false
      hasParts ||= kind !== "absent"
    }
    if (!hasParts) return false
    let isFirst = true
    for (const { kind, start, end } of parts) {
      if (kind !== "text" || end - start === '""'.length) continue
      if (isFirst) row.copyText(json, start + 1, end - 1)
      else {
        row.copy(SEPARATOR, 0, SEPARATOR.length)
        row.copy(json, start + 1, end - 1)
      }
      isFirst = false
    }
    return true
  }
}
