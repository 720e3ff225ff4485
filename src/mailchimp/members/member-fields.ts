import { nearest } from "../../lib/nearest.ts"

/** The names of a member's fields, from Mailchimp's reference and its real responses. */
const memberFields: ReadonlySet<string> = new Set([
  "id",
  "email_address",
  "unique_email_id",
  "contact_id",
  "full_name",
  "web_id",
  "email_type",
  "status",
  "unsubscribe_reason",
  "consents_to_one_to_one_messaging",
  "sms_phone_number",
  "sms_subscription_status",
  "sms_subscription_last_updated",
  "merge_fields",
  "interests",
  ...nested("stats", "avg_open_rate", "avg_click_rate"),
  ...nested("stats.ecommerce_data", "total_revenue", "number_of_orders", "currency_code"),
  "ip_signup",
  "timestamp_signup",
  "ip_opt",
  "timestamp_opt",
  "member_rating",
  "last_changed",
  "language",
  "vip",
  "email_client",
  ...nested("location", "latitude", "longitude", "gmtoff", "dstoff", "country_code", "timezone", "region"),
  ...nested("marketing_permissions", "marketing_permission_id", "text", "enabled"),
  ...nested("last_note", "note_id", "created_at", "created_by", "note"),
  "source",
  "tags_count",
  ...nested("tags", "id", "name"),
  "list_id",
  ...nested("_links", "rel", "href", "method", "targetSchema", "schema"),
])

const MERGE_FIELD = /^merge_fields\.([^.]+)(?:\.(?:addr1|addr2|city|state|zip|country))?$/

const INTEREST = /^interests\.([^.,]+)$/

/** A regular expression, for /openapi.json, of one name as a caller may write it. No name has a comma. */
export const memberFieldPattern = `^(members\\.)?(${[
  ...[...memberFields].map((name) => name.replaceAll(".", "\\.")),
  "merge_fields\\.[^.,]+(\\.(addr1|addr2|city|state|zip|country))?",
  "interests\\.[^.,]+",
].join("|")})$`

function nested(parent: string, ...names: readonly string[]): string[] {
  return [parent, ...names.map((name) => `${parent}.${name}`)]
}

/**
 * Whether Mailchimp knows the field. Mailchimp ignores an unknown name, so a misspelled `exclude_fields` would exclude nothing.
 * Any merge tag and any interest passes, because they differ between lists.
 */
export function isMemberField(name: string): boolean {
  return memberFields.has(name) || MERGE_FIELD.test(name) || INTEREST.test(name)
}

/** The tag in `merge_fields.TAG`. Only a list shows whether the tag exists. */
export function mergeTagOf(name: string): string | undefined {
  return MERGE_FIELD.exec(name)?.[1]
}

/** The id in `interests.ID`. Only a list shows whether the interest exists. */
export function interestIdOf(name: string): string | undefined {
  return INTEREST.exec(name)?.[1]
}

/** The field that a misspelled name probably meant. */
export function nearestMemberField(name: string): string | undefined {
  return nearest(name, memberFields)
}
