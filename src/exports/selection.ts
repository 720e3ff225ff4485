import { createHash } from "node:crypto"
import { type InvalidInput, invalidParameters } from "../errors.ts"
import type { Second } from "../scan/source.ts"
import { parseFields } from "./member-field-names.ts"

/** The parameters of a caller, each valid on its own. */
export type SelectionInput = {
  readonly count?: number | undefined
  readonly offset?: number | undefined
  /** Mailchimp's dotted names, with or without the `members.` prefix; an element may contain several, separated by commas. */
  readonly fields?: readonly string[] | undefined
  readonly exclude_fields?: readonly string[] | undefined
  readonly status?: readonly string[] | undefined
  readonly since_last_changed?: Date | undefined
  readonly before_last_changed?: Date | undefined
  readonly include?: "archived" | undefined
}

/** Which members an export contains, and which of their fields. */
export type Selection = {
  /** Only members with one of these statuses, sorted. Without it, all but archived members. */
  readonly statuses?: readonly string[] | undefined
  /** Only members changed after this second. */
  readonly since?: Second | undefined
  /** Only members changed at or before this second. Such an export has no end cursor. */
  readonly before?: Second | undefined
  readonly includeArchived?: boolean | undefined
  /** A slice of the concatenated lists, instead of all members. */
  readonly slice?: { readonly offset: number; readonly count: number } | undefined
  /** Names of a member's fields, without a prefix: only these, or all but these. Never both. */
  readonly fields?: readonly string[] | undefined
  readonly excludeFields?: readonly string[] | undefined
}

/** The count of a slice with only an offset: the default of Mailchimp's own API. */
const DEFAULT_COUNT = 10

/**
 * Validates the parameters of a caller. An unknown field is refused, because Mailchimp would ignore it: a privacy filter
 * with a typo must not let the field through.
 *
 * @throws {AppError} `invalid_parameter`, with every invalid parameter
 */
export function parseSelection(input: SelectionInput): Selection {
  const { count, offset, fields, exclude_fields, status, include } = input
  const { since_last_changed: since, before_last_changed: before } = input
  const isSlice = count !== undefined || offset !== undefined
  const errors = findConflicts(input, isSlice)
  const selection: Selection = {
    statuses: status?.toSorted(),
    since: since && toSecond(since),
    before: before && toSecond(before),
    includeArchived: include === "archived",
    slice: isSlice ? { offset: offset ?? 0, count: count ?? DEFAULT_COUNT } : undefined,
    fields: fields && parseFields("fields", fields, errors),
    excludeFields: exclude_fields && parseFields("exclude_fields", exclude_fields, errors),
  }
  if (errors.length > 0) throw invalidParameters(errors)
  return selection
}

/** Parameters that are valid on their own, but not together. */
function findConflicts(input: SelectionInput, isSlice: boolean): InvalidInput[] {
  const { fields, exclude_fields, since_last_changed: since, before_last_changed: before } = input
  const errors: InvalidInput[] = []
  if (fields && exclude_fields) {
    errors.push({ name: "exclude_fields", reason: "must not come together with fields" })
  }
  if (since && before && since >= before) {
    errors.push({ name: "before_last_changed", reason: "must be later than since_last_changed" })
  }
  for (const name of ["since_last_changed", "before_last_changed", "include"] as const) {
    if (isSlice && input[name] !== undefined) {
      errors.push({ name, reason: "must not come together with count or offset" })
    }
  }
  if (isSlice && input.status !== undefined && input.status.length > 1) {
    errors.push({ name: "status", reason: "must be a single status with count or offset" })
  }
  return errors
}

/** Identifies a selection of lists, members and fields, so that a cursor is accepted only for the same selection. */
export function selectionId(selection: Selection, listIds: readonly string[] | undefined): string {
  const { statuses, since, before, includeArchived, fields, excludeFields } = selection
  const parts = [
    listIds?.toSorted().join(","),
    statuses?.join(","),
    since,
    before,
    includeArchived,
    fields?.toSorted(),
    excludeFields?.toSorted(),
  ]
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, 16)
}

function toSecond(date: Date): Second {
  return Math.floor(date.getTime() / 1000)
}
