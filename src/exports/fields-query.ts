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
 *
 * @param cellFields if the format makes cells of single fields: which, unless any are selected. It ignores all other fields.
 */
export function toFieldsQuery(
  { fields, excludeFields, statuses = [] }: Pick<Selection, "fields" | "excludeFields" | "statuses">,
  cellFields?: readonly string[],
): FieldsQuery {
  // Rows are selected by status if several are selected.
  const needed = statuses.length > 1 ? [...SCANNED_FIELDS, "status"] : SCANNED_FIELDS
  if (cellFields === undefined) return toQuery({ fields, excludeFields }, needed)
  const selected = excludeFields ? { excludeFields } : { fields: fields ?? cellFields }
  // A row's list decides which column a merge field has.
  return { ...toQuery(selected, excludeFields ? [...needed, "list_id"] : needed), without: [] }
}

function toQuery(
  { fields, excludeFields = [] }: Pick<Selection, "fields" | "excludeFields">,
  needed: readonly string[],
): FieldsQuery {
  if (fields) {
    const members = new Set([...needed, ...fields])
    return {
      fields: [...[...members].map((name) => `members.${name}`), "total_items"],
      without: needed.filter((name) => !fields.includes(name)),
    }
  }
  const members = new Set(["_links", ...excludeFields.filter((name) => !needed.includes(name))])
  return {
    excludeFields: [...[...members].map((name) => `members.${name}`), "_links"],
    without: needed.filter((name) => excludeFields.includes(name)),
  }
}
