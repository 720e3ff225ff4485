import { createHash } from "node:crypto"
import { AppError, type InvalidInput, maxInvalidInputs } from "../errors.ts"
import { nearest } from "../lib/nearest.ts"
import type { Second } from "../scan/source.ts"
import {
  interestIdOf,
  isMemberField,
  memberFieldPattern,
  mergeTagOf,
  nearestMemberField,
} from "../mailchimp/members/member-fields.ts"

/** A regular expression, for /openapi.json, that matches one name in `fields` and `exclude_fields`. */
export const fieldPattern = memberFieldPattern

/** The parameters of a caller, each valid on its own. */
export type SelectionInput = {
  readonly count?: number | undefined
  readonly offset?: number | undefined
  /** Mailchimp's dotted names, with or without the `members.` prefix; an element may contain several, separated by commas. */
  readonly fields?: readonly string[] | undefined
  readonly exclude_fields?: readonly string[] | undefined
  readonly status?: string | undefined
  readonly since_last_changed?: Date | undefined
  readonly before_last_changed?: Date | undefined
  readonly include?: "archived" | undefined
}

/** Which members an export contains, and which of their fields. */
export type Selection = {
  readonly status?: string | undefined
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

/** The selection of fields as parameters of a request to Mailchimp. */
export type FieldsQuery = {
  readonly fields?: readonly string[]
  readonly excludeFields?: readonly string[]
  /** Keys of a member that the scan needs and the caller did not select: removed before a row is passed on. */
  readonly without: readonly string[]
}

/** More names than any list has fields: 80 merge fields, and as many interests. */
const maxNames = 500
/** No name of Mailchimp is longer. */
const maxNameLength = 100
/** How many names a misspelled merge tag is compared with, because an account may have thousands. */
const maxCandidates = 1000

/** The fields of every row that the scan itself needs. */
const SCANNED_FIELDS = ["id", "last_changed"]
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
  const selection: Selection = {
    status,
    since: since && toSecond(since),
    before: before && toSecond(before),
    includeArchived: include === "archived",
    slice: isSlice ? { offset: offset ?? 0, count: count ?? DEFAULT_COUNT } : undefined,
    fields: fields && parseFields("fields", fields, errors),
    excludeFields: exclude_fields && parseFields("exclude_fields", exclude_fields, errors),
  }
  if (errors.length > 0) throw invalid(errors)
  return selection
}

/** Identifies a selection of lists, members and fields, so that a cursor is accepted only for the same selection. */
export function selectionId(selection: Selection, listId: string | undefined): string {
  const { status, since, before, includeArchived, fields, excludeFields } = selection
  const parts = [
    listId,
    status,
    since,
    before,
    includeArchived,
    fields?.toSorted(),
    excludeFields?.toSorted(),
  ]
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, 16)
}

/** Read the names of a list's own fields: the tags of its merge fields, the ids of its interests. */
export type ListFieldReaders = {
  readonly readTags: (listId: string) => Promise<readonly string[]>
  readonly readInterestIds: (listId: string) => Promise<readonly string[]>
}

/**
 * Refuses merge fields and interests that no exported list has. Reads merge fields only if the selection names any, first
 * those of the first list, then of the others if names are still unknown. Reads interests only if the selection names any,
 * of all lists concurrently, because an interest belongs to a single list.
 *
 * @throws {AppError} `invalid_parameter`
 */
export async function requireListFields(
  selection: Selection,
  listIds: readonly string[],
  { readTags, readInterestIds }: ListFieldReaders,
): Promise<void> {
  const names = selection.fields ?? selection.excludeFields ?? []
  const unknown = await Promise.all([
    findUnknown("merge_fields.", names.map(mergeTagOf), [listIds.slice(0, 1), listIds.slice(1)], readTags),
    findUnknown("interests.", names.map(interestIdOf), [listIds], readInterestIds),
  ])
  const reasons = unknown.flat()
  if (reasons.length === 0) return
  const name = selection.fields ? "fields" : "exclude_fields"
  throw invalid(reasons.slice(0, maxInvalidInputs).map((reason) => ({ name, reason: reason() })))
}

/** Reads the lists one round at a time until every wanted name is known. Returns the reasons for refusing unknown names. */
async function findUnknown(
  prefix: string,
  wanted: readonly (string | undefined)[],
  rounds: readonly (readonly string[])[],
  read: (listId: string) => Promise<readonly string[]>,
): Promise<(() => string)[]> {
  const missing = new Set(wanted.filter((name) => name !== undefined))
  const known = new Set<string>()
  for (const round of rounds) {
    if (missing.size === 0) return []
    // A mistyped name is in no list, so all lists are read, concurrently as far as the account's limit allows.
    const names = await Promise.all(round.map(read))
    for (const name of names.flat()) {
      known.add(name)
      missing.delete(name)
    }
  }
  const candidates = [...known].slice(0, maxCandidates)
  return [...missing].map(
    (name) => () => unknownField(prefix + name, () => prefixed(prefix, nearest(name, candidates))),
  )
}

/**
 * Converts the selection of fields to Mailchimp's parameters. `_links` are three quarters of a member's bytes, so they are
 * left out unless selected by name; `id` and `last_changed` are always requested.
 */
export function toFieldsQuery({ fields, excludeFields = [] }: Selection): FieldsQuery {
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

function toSecond(date: Date): Second {
  return Math.floor(date.getTime() / 1000)
}

function parseFields(name: string, values: readonly string[], errors: InvalidInput[]): string[] {
  // In Mailchimp's own notation, with the prefix, `list_id` without the prefix is a field of the envelope.
  const isMailchimps = values.some((value) => /(^|,)\s*members\./.test(value))
  const isNoEnvelopeField = (field: string) =>
    field !== "total_items" && !(isMailchimps && field === "list_id")
  const fields = new Set(
    values
      .flatMap((value) => value.split(","))
      .map((field) => field.trim())
      .filter(isNoEnvelopeField)
      .map((field) => field.replace(/^members\./, "")),
  )
  if (fields.size === 0) errors.push({ name, reason: "must name at least one field of a member" })
  if (fields.size > maxNames) {
    errors.push({ name, reason: `must name at most ${maxNames} fields` })
    return []
  }
  for (const field of fields) {
    if (errors.length >= maxInvalidInputs) break
    if (field === "") errors.push({ name, reason: "must name fields of a member, separated by commas" })
    else if (field.length > maxNameLength || !isMemberField(field))
      errors.push({ name, reason: unknownField(field, () => nearestMemberField(field)) })
  }
  return [...fields]
}

/** Looks up the nearest name only for a plausible name, because the time grows with the name's length. */
function unknownField(field: string, findNear: () => string | undefined): string {
  // Text that is not a name may be anything, such as an email address, which must not appear in an error.
  if (!/^[\w.]+$/.test(field) || field.length > maxNameLength)
    return "must name fields of a member, but one of them is not a name"
  const near = findNear()
  return `must not name ${field} because no member has such a field${near ? `: did you mean ${near}` : ""}`
}

function prefixed(prefix: string, name: string | undefined): string | undefined {
  return name === undefined ? undefined : prefix + name
}

function invalid(errors: readonly InvalidInput[]): AppError {
  const names = [...new Set(errors.map(({ name }) => name))]
  const what = names.length === 1 ? "Invalid parameter" : "Invalid parameters"
  return new AppError("invalid_parameter", `${what}: ${names.join(", ")}`, {
    errors,
  })
}
