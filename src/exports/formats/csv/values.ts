import type { Cell } from "../../../lib/csv/write-row.ts"
import { type Field, valueOf } from "./fields.ts"
import { hasBytes } from "./has-bytes.ts"
import { isRecord } from "../../../mailchimp/members/page-envelope.ts"

/** The parts of an address, in the order of its cell. */
export const addressParts = ["addr1", "addr2", "city", "state", "zip", "country"]

/** A text, number or boolean as it is; an object or array as JSON. */
export function toCell(value: unknown): Cell {
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
      return value
    default:
      return value === null || value === undefined ? "" : JSON.stringify(value)
  }
}

/** The value of a merge field. An address is one cell, its parts two blanks apart, as Mailchimp exports and imports it. */
export function toMergeCell(value: unknown): Cell {
  if (!isRecord(value) || !addressParts.some((part) => part in value)) return toCell(value)
  return addressParts
    .map((part) => toCell(value[part]))
    .filter((part) => part !== "")
    .join("  ")
}

/** A time as Mailchimp exports it, in UTC: `2016-04-18 13:51:14`. A time in another zone stays as it was sent. */
export function toTimeCell(value: unknown): Cell {
  return typeof value === "string" && /^.{10}T.{8}\+00:00$/.test(value)
    ? `${value.slice(0, 10)} ${value.slice(11, 19)}`
    : toCell(value)
}

/** The names of tags as Mailchimp exports them: `"VIP","Blog"`, which is CSV inside the cell. */
export function toTagsCell(value: unknown): Cell {
  if (!Array.isArray(value)) return toCell(value)
  let names = ""
  for (const tag of value) {
    const name = toCell(isRecord(tag) ? tag["name"] : tag)
    names += `${names === "" ? "" : ","}"${String(name).replaceAll('"', '""')}"`
  }
  return names
}

/** The value of a key that the object itself has: a merge field may be called `constructor`. */
export function ownValue(value: unknown, key: string): unknown {
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

/**
 * Reads the text of a field, empty if it has none, and converts it. Many rows have the same text, so it is converted only when
 * it changes.
 */
export function createTextReader<T>(field: Field, convert: (text: string) => T): (json: Buffer) => T {
  const none = convert("")
  let bytes = Buffer.from('""')
  let last = none
  return (json) => {
    const { kind, start, end } = field
    if (kind !== "text" && kind !== "other") return none
    if (end - start !== bytes.length || !hasBytes(json, start, bytes)) {
      const value = valueOf(json, field)
      last = convert(typeof value === "string" ? value : "")
      bytes = Buffer.from(json.subarray(start, end))
    }
    return last
  }
}
