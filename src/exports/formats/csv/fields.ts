/**
 * What the row that was read last has in one field.
 *
 * - `text`: a string of which no character is special, neither in JSON nor in CSV, except for a formula at its start
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
  /** Another field than now that came next in an earlier row, and may do so again. */
  next: Field | undefined
}

/** The fields of an object. */
export type Fields = {
  /**
   * The fields that the row has, in its order. None if it has no object there. Most rows have the same fields as the row before,
   * so these stay while a row is read, and only what differs is changed.
   */
  readonly present: readonly Field[]
  /** The field of a name, which is created if no row had it before. */
  get(name: string): Field
  /** Another field than `present[index]` that had its place in an earlier row. */
  alternative(index: number): Field | undefined
  /**
   * Makes a field `present[index]`: inserts it, or drops those in between. False if the field has a place before that, because
   * the row has its key twice.
   */
  place(field: Field, index: number): boolean
  /** Drops all but the first `count` of the present fields. */
  keep(count: number): void
}

export function createFields(): Fields {
  const byName = new Map<string, Field>()
  const present: Field[] = []
  /** Its `next` is the alternative to the first field. */
  const head = createField("")
  /** Remembers the order of the dropped fields. */
  const drop = (start: number, end: number) => {
    let before = present[start - 1] ?? head
    for (const field of present.splice(start, end - start)) {
      before.next = field
      before = field
      field.kind = "absent"
      field.fields?.keep(0)
    }
  }
  return {
    present,
    get: (name) => {
      const field = byName.get(name) ?? createField(name)
      byName.set(name, field)
      return field
    },
    alternative: (index) => (present[index - 1] ?? head).next,
    place: (field, index) => {
      if (field.kind === "absent") {
        const before = present[index - 1] ?? head
        // The next row may lack the inserted field again.
        before.next = present[index] ?? before.next
        present.splice(index, 0, field)
        return true
      }
      const end = present.indexOf(field, index)
      if (end === -1) return false
      drop(index, end)
      return true
    },
    keep: (count) => {
      if (count < present.length) drop(count, present.length)
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
function textOf(json: Buffer, { start, end }: Field): string {
  return json.toString("utf8", start, end)
}

/** The value of a field that the row has. */
export function valueOf(json: Buffer, field: Field): unknown {
  const text = textOf(json, field)
  // A string without escapes needs no parser.
  return text.startsWith('"') && !text.includes("\\") ? text.slice(1, -1) : JSON.parse(text)
}
