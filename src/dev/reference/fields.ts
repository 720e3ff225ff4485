import { code, table } from "./markdown.ts"
import type { JsonSchema } from "./openapi.ts"

/** The codes of problems are too many for a cell of a table. */
const maxValues = 8

/** The fields of an object and of the objects in it, one per line: `lists[].id`. */
export function fieldTable(schema: JsonSchema): string {
  return table(["field", "type", "description"], fieldRows(schema, ""))
}

function fieldRows(schema: JsonSchema, path: string): string[][] {
  const { properties = {}, required } = schema
  return Object.entries(properties).flatMap(([name, field]) => {
    const type = required.includes(name) ? typeOf(field) : `${typeOf(field)}, optional`
    const inner = field.items ?? field
    const innerPath = `${path}${name}${field.items === undefined ? "" : "[]"}.`
    return [[code(path + name), type, field.description ?? ""], ...fieldRows(inner, innerPath)]
  })
}

/** The type of a value in a few words: "string or null", "integer from 1 to 1000", "`a` or `b`". */
export function typeOf({ type, format, enum: values, items, ...range }: JsonSchema): string {
  if (values !== undefined && values.length <= maxValues)
    return values.map((value) => code(String(value))).join(" or ")
  if (items !== undefined) return items.properties ? "array of objects" : `array of ${typeOf(items)}`
  const types = [type ?? "any"].flat()
  const names = types.map((name) => (name === "string" ? (format ?? name) : name)).join(" or ")
  return `${names}${rangeOf(range)}`
}

/** Empty unless both bounds tell a caller something. */
function rangeOf({ minimum = 0, maximum = Infinity }: Pick<JsonSchema, "minimum" | "maximum">): string {
  return maximum > 1_000_000 ? "" : ` from ${minimum} to ${maximum}`
}
