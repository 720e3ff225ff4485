import type { JsonSchema } from "./document.ts"

/** The codes of problems are too many for a cell of a table. */
const maxValues = 8

/** One row of a table of fields. Code in a text is between backticks. */
export type FieldRow = {
  /** From the outermost object on: `lists[].id`. */
  readonly path: string
  readonly type: string
  readonly description: string
}

/** The fields of an object and of the objects in it. */
export function fieldRows(schema: JsonSchema, path = ""): FieldRow[] {
  const { properties = {}, required } = schema
  return Object.entries(properties).flatMap(([name, field]) => {
    const type = required.includes(name) ? typeOf(field) : `${typeOf(field)}, optional`
    const inner = field.items ?? field
    const innerPath = `${path}${name}${field.items === undefined ? "" : "[]"}.`
    return [{ path: path + name, type, description: field.description ?? "" }, ...fieldRows(inner, innerPath)]
  })
}

/** The type of a value in a few words: "string or null", "integer from 1 to 1000", "`a` or `b`". */
export function typeOf({ type, format, enum: values, items, ...range }: JsonSchema): string {
  if (values !== undefined && values.length <= maxValues)
    return values.map((value) => `\`${String(value)}\``).join(" or ")
  if (items !== undefined) return items.properties ? "array of objects" : `array of ${typeOf(items)}`
  const types = [type ?? "any"].flat()
  const names = types.map((name) => (name === "string" ? (format ?? name) : name)).join(" or ")
  return `${names}${rangeOf(range)}`
}

/** Empty unless both bounds tell a caller something. */
function rangeOf({ minimum = 0, maximum = Infinity }: Pick<JsonSchema, "minimum" | "maximum">): string {
  return maximum > 1_000_000 ? "" : ` from ${minimum} to ${maximum}`
}
