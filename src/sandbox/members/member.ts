/**
 * A member's status in a list. Mailchimp's `archived` is a status too, hidden from every listing that does not
 * request it.
 */
export const memberStatuses = [
  "subscribed",
  "unsubscribed",
  "cleaned",
  "pending",
  "transactional",
  "archived",
] as const

export type MemberStatus = (typeof memberStatuses)[number]

/** Any JSON value. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/**
 * A row of a list as Mailchimp sends it, without `_links`. Only what the sandbox itself reads is declared here; other
 * keys pass through, in the order of `memberKeys`.
 */
export type Member = {
  /** The MD5 of the address, unless a seed says otherwise: then any text, even none or another member's id. */
  id: string
  email_address: string
  unique_email_id: string
  web_id: number
  email_type: string
  status: MemberStatus
  merge_fields: Record<string, Json>
  ip_signup: string
  timestamp_signup: string
  ip_opt: string
  timestamp_opt: string
  last_changed: string
  list_id: string
  [key: string]: Json | undefined
}

/** The keys of a member in the order of the wire, as recorded, including keys that are sometimes missing. */
const memberKeys = {
  id: undefined,
  email_address: undefined,
  unique_email_id: undefined,
  contact_id: undefined,
  full_name: undefined,
  web_id: undefined,
  email_type: undefined,
  status: undefined,
  unsubscribe_reason: undefined,
  consents_to_one_to_one_messaging: undefined,
  sms_phone_number: undefined,
  sms_subscription_status: undefined,
  sms_subscription_last_updated: undefined,
  merge_fields: undefined,
  interests: undefined,
  stats: undefined,
  ip_signup: undefined,
  timestamp_signup: undefined,
  ip_opt: undefined,
  timestamp_opt: undefined,
  member_rating: undefined,
  last_changed: undefined,
  language: undefined,
  vip: undefined,
  email_client: undefined,
  location: undefined,
  marketing_permissions: undefined,
  last_note: undefined,
  source: undefined,
  tags_count: undefined,
  tags: undefined,
  list_id: undefined,
}

/** The row as Mailchimp writes it: compact, keys in the recorded order, unknown keys last. */
export function writeMember(member: Member): string {
  return JSON.stringify(Object.assign({ ...memberKeys }, member))
}

/**
 * The key that identifies a member in the sandbox's changes and truth: the MD5 of the address, even if the row shows
 * another id. A contact without an address has the MD5 of its `contact_id`.
 */
export function memberKeyOf(member: { readonly [key: string]: unknown }): string {
  const { email_address: address, contact_id: contactId } = member
  return memberIdOf(typeof address === "string" && address !== "" ? address : String(contactId))
}

/** A member's id: the MD5 of the address in lower case. */
export function memberIdOf(emailAddress: string): string {
  return md5(emailAddress.toLowerCase())
}

/** The MD5 as 32 hex digits: for ids that must look like Mailchimp's, never for secrecy. */
export function md5(text: string): string {
  return Bun.MD5.hash(text, "hex")
}

/** Mailchimp's format of a time: ISO 8601, whole seconds, `+00:00`. */
export function writeTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}+00:00`
}

/** Whole seconds since the epoch, or 0 if a row has the empty string for "no value". */
export function secondsOf(time: string): number {
  const ms = Date.parse(time)
  return Number.isNaN(ms) ? 0 : Math.floor(ms / 1000)
}
