import { type InvalidInput, maxInvalidInputs } from "../errors.ts"
import { isMemberField, memberFieldPattern, nearestMemberField } from "../mailchimp/members/member-fields.ts"

/** A regular expression, for /openapi.json, that matches one name in `fields` and `exclude_fields`. */
export const fieldPattern = memberFieldPattern

/** More names than any list has fields: 80 merge fields, and as many interests. */
const maxNames = 500
/** No name of Mailchimp is longer. */
const maxNameLength = 100
/**
 * Parses the values of `fields` or `exclude_fields` to names without a prefix. An unknown name is added to `errors`.
 */
export function parseFields(name: string, values: readonly string[], errors: InvalidInput[]): string[] {
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
export function unknownField(field: string, findNear: () => string | undefined): string {
  // Text that is not a name may be anything, such as an email address, which must not appear in an error.
  if (!/^[\w.]+$/.test(field) || field.length > maxNameLength)
    return "must name fields of a member, but one of them is not a name"
  const near = findNear()
  return `must not name ${field} because no member has such a field${near ? `: did you mean ${near}` : ""}`
}
