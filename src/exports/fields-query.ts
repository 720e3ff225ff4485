import type { Selection } from "./selection.ts"

/** The selection of fields as parameters of a request to Mailchimp. */
export type FieldsQuery = {
  readonly fields?: readonly string[]
  readonly excludeFields?: readonly string[]
  /** Keys of a member that the scan needs and the caller did not select: removed before a row is passed on. */
  readonly without: readonly string[]
}

/** The fields of every row that the scan itself needs. */
const SCANNED_FIELDS = ["id", "last_changed"]

/**
 * Converts the selection of fields to Mailchimp's parameters. `_links` are three quarters of a member's bytes, so they are
 * left out unless selected by name; `id` and `last_changed` are always requested.
 */
export function toFieldsQuery({
  fields,
  excludeFields = [],
}: Pick<Selection, "fields" | "excludeFields">): FieldsQuery {
  if (fields) {
    const members = new Set([...SCANNED_FIELDS, ...fields])
    return {
      fields: [...[...members].map((name) => `members.${name}`), "total_items"],
      without: SCANNED_FIELDS.filter((name) => !fields.includes(name)),
    }
  }
  const members = new Set(["_links", ...excludeFields.filter((name) => !SCANNED_FIELDS.includes(name))])
  return {
    excludeFields: [...[...members].map((name) => `members.${name}`), "_links"],
    without: SCANNED_FIELDS.filter((name) => excludeFields.includes(name)),
  }
}
