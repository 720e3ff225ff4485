/**
 * What the row that was read last has in one field.
 *
 * - `text`: a string of which no character is special, neither in JSON nor in CSV
 * - `literal`: a number, true or false
 * - `other`: any other value but null: a string with special characters, an array, an object
 */
type FieldKind = "absent" | "null" | "text" | "literal" | "other"

export type Field = {
  readonly name: string
  /** The name with its quotes and the colon. */
  readonly key: Uint8Array
  kind: FieldKind
  /** The bytes of the value, with its quotes if it has any. */
  start: number
  end: number
  /** The fields of the value, if columns need them. */
  fields: Fields | undefined
  /** The field that came next in an earlier row, and probably does again. */
  next: Field | undefined
}

/** The fields of an object. */
export type Fields = {
  /** The fields that the row has, in its order. None if it has no object there. */
  readonly present: Field[]
  /** The field that came first in an earlier row. */
  first: Field | undefined
  /** The field of a name, which is created if no row had it before. */
  get(name: string): Field
  /** Before the next row is read. */
  clear(): void
}

export function createFields(): Fields {
  const byName = new Map<string, Field>()
  const present: Field[] = []
  return {
    present,
    first: undefined,
    get: (name) => {
      const field = byName.get(name) ?? createField(name)
      byName.set(name, field)
      return field
    },
    clear: () => {
      for (const field of present) {
        field.kind = "absent"
        field.fields?.clear()
      }
      present.length = 0
    },
  }
}

function createField(name: string): Field {
  const key = Buffer.from(`${JSON.stringify(name)}:`)
  return { name, key, kind: "absent", start: 0, end: 0, fields: undefined, next: undefined }
}

/** The field of a path of names. */
export function fieldAt(fields: Fields, [name = "", ...deeper]: readonly string[]): Field {
  const field = fields.get(name)
  return deeper.length === 0 ? field : fieldAt(fieldsOf(field), deeper)
}

/** The fields of a field's value. */
export function fieldsOf(field: Field): Fields {
  return (field.fields ??= createFields())
}

/** The JSON of a field that the row has. */
export function textOf(json: Buffer, { start, end }: Field): string {
  return json.toString("utf8", start, end)
}

/** The value of a field that the row has. */
export function valueOf(json: Buffer, field: Field): unknown {
  const text = textOf(json, field)
  // A string without escapes needs no parser.
  return text.startsWith('"') && !text.includes("\\") ? text.slice(1, -1) : JSON.parse(text)
}
