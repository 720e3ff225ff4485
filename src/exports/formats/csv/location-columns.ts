import { type Columns, fieldColumn, toColumns } from "./columns.ts"
import { type Field, type Fields, fieldAt, valueOf } from "./fields.ts"
import { toCell } from "./values.ts"

const ZERO = 0x30
const NINE = 0x39

const locationFields = [
  ["LATITUDE", "latitude"],
  ["LONGITUDE", "longitude"],
  ["GMTOFF", "gmtoff"],
  ["DSTOFF", "dstoff"],
  ["TIMEZONE", "timezone"],
  ["CC", "country_code"],
  ["REGION", "region"],
] as const

/** Mailchimp's API describes an unknown location by zeros and empty texts, its own export by empty cells. */
export function createLocationColumns(member: Fields, isExcluded: (field: string) => boolean): Columns {
  const known = ["latitude", "longitude", "timezone", "country_code"].map((key) =>
    fieldAt(member, ["location", key]),
  )
  const columns = toColumns(
    locationFields
      .map(([name, key]) => fieldColumn(member, name, `location.${key}`, toCell))
      .filter(({ field }) => !isExcluded(field)),
  )
  return {
    ...columns,
    writeCells: (json, row) => {
      if (known.some((field) => isTruthy(json, field))) columns.writeCells(json, row)
      else columns.names.forEach(() => row.endCell())
    },
  }
}

function isTruthy(json: Buffer, field: Field): boolean {
  const { kind, start, end } = field
  if (kind === "text") return end - start > '""'.length
  if (kind !== "literal") return kind === "other"
  const first = json[start] ?? 0
  // These need no parser, and most numbers are one of these.
  if (first === ZERO && end - start === 1) return false
  return (first > ZERO && first <= NINE) || Boolean(valueOf(json, field))
}
