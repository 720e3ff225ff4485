import { createHash } from "node:crypto"
import { AppError, type InvalidInput, mostInvalidInputs } from "../errors.ts"
import { nearest } from "../lib/nearest.ts"
import type { Second } from "../scan/source.ts"
import {
  interestIdOf,
  isMemberField,
  memberFieldPattern,
  mergeTagOf,
  nearestMemberField,
} from "../mailchimp/members/member-fields.ts"

/** A regular expression, for /openapi.json, of one name in `fields` and `exclude_fields`. */
export const fieldPattern = memberFieldPattern

/** What a caller asked for, each value valid by itself. */
export type SelectionInput = {
  readonly count?: number | undefined
  readonly offset?: number | undefined
  /** Mailchimp's dotted names, with or without the `members.` prefix; an element may hold several, by commas. */
  readonly fields?: readonly string[] | undefined
  readonly exclude_fields?: readonly string[] | undefined
  readonly status?: string | undefined
  readonly since_last_changed?: Date | undefined
  readonly before_last_changed?: Date | undefined
  readonly include?: "archived" | undefined
}

/** Which members an export holds, and which of their fields. */
export type Selection = {
  readonly status?: string | undefined
  /** Only members changed after this second. */
  readonly since?: Second | undefined
  /** Only members changed at or before this second. Nothing continues from the end of such an export. */
  readonly before?: Second | undefined
  readonly includeArchived?: boolean | undefined
  /** A slice of the lists laid end to end, in place of everything. */
  readonly slice?: { readonly offset: number; readonly count: number } | undefined
  /** Names of a member's fields, without a prefix: just these, or all but these. Never both. */
  readonly fields?: readonly string[] | undefined
  readonly excludeFields?: readonly string[] | undefined
}

/** How the selection of fields is asked of Mailchimp, in its own parameters. */
export type FieldsQuery = {
  readonly fields?: readonly string[]
  readonly excludeFields?: readonly string[]
  /** Keys of a member that the scan needs and the caller did not want: to be taken out before a row is passed on. */
  readonly without: readonly string[]
}

/** More names than any list has fields: 80 merge fields, and as many interests. */
const mostNames = 500
/** No name of Mailchimp's is longer. */
const longestName = 100
/** A misspelled merge tag is compared with so many: an account may have thousands. */
const mostCandidates = 1000

/** What the scan itself needs of every row. */
const SCANNED_FIELDS = ["id", "last_changed"]
/** The count of a slice that gives an offset alone: the default of Mailchimp's own API. */
const DEFAULT_COUNT = 10

/**
 * Checks what a caller asked for. A field that Mailchimp does not know is refused, as Mailchimp would ignore it: a
 * privacy filter with a typo must not let the field through.
 *
 * @throws {AppError} `invalid_parameter`, with every parameter that is wrong
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

/** Names a selection, so that a cursor is honoured for the same one only: which lists, members and fields. */
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

/** Reads the names that a list gives to fields of its own: the tags of its merge fields, the ids of its interests. */
export type ListFieldReaders = {
  readonly readTags: (listId: string) => Promise<readonly string[]>
  readonly readInterestIds: (listId: string) => Promise<readonly string[]>
}

/**
 * Refuses merge fields and interests that no exported list has. Reads them only if one was named: the merge fields of the
 * first list, and those of the others only if the first one does not have them all; the interests of all lists concurrently,
 * because an interest is of one list alone.
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
  throw invalid(reasons.slice(0, mostInvalidInputs).map((reason) => ({ name, reason: reason() })))
}

/** Reads the lists a round at a time until every wanted name is known, and returns what to say of those that are not. */
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
    // A mistyped name is in none of the lists, so all are read: concurrently, as far as the account's limit allows.
    const names = await Promise.all(round.map(read))
    for (const name of names.flat()) {
      known.add(name)
      missing.delete(name)
    }
  }
  const candidates = [...known].slice(0, mostCandidates)
  return [...missing].map(
    (name) => () => unknownField(prefix + name, () => prefixed(prefix, nearest(name, candidates))),
  )
}

/**
 * The selection of fields in Mailchimp's parameters. `_links` are three quarters of a member's bytes, so they are
 * left out unless they were named; `id` and `last_changed` are asked for in any case.
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
  // A name with the prefix is in Mailchimp's own notation, in which `list_id` without it is the envelope's.
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
  if (fields.size > mostNames) {
    errors.push({ name, reason: `must name at most ${mostNames} fields` })
    return []
  }
  for (const field of fields) {
    if (errors.length >= mostInvalidInputs) break
    if (field === "") errors.push({ name, reason: "must name fields of a member, separated by commas" })
    else if (field.length > longestName || !isMemberField(field))
      errors.push({ name, reason: unknownField(field, () => nearestMemberField(field)) })
  }
  return [...fields]
}

/** The nearest name costs time that grows with the name's length, so it is looked up for a plausible name only. */
function unknownField(field: string, findNear: () => string | undefined): string {
  // What is no name at all may be anything, such as an address that has no place in an error.
  if (!/^[\w.]+$/.test(field) || field.length > longestName)
    return "must name fields of a member, and one of them is not a name"
  const near = findNear()
  return `must not name ${field} as no member has such a field${near ? `: did you mean ${near}` : ""}`
}

function prefixed(prefix: string, name: string | undefined): string | undefined {
  return name === undefined ? undefined : prefix + name
}

function invalid(errors: readonly InvalidInput[]): AppError {
  const names = [...new Set(errors.map(({ name }) => name))]
  const what = names.length === 1 ? "a parameter is" : "some parameters are"
  return new AppError("invalid_parameter", `Cannot export as ${what} not right: ${names.join(", ")}`, {
    errors,
  })
}
