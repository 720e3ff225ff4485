import { z } from "zod"

/** A member's status in a list. Mailchimp's `archived` is a status too, hidden from every listing that does not ask for it. */
export const memberStatuses = [
  "subscribed",
  "unsubscribed",
  "cleaned",
  "pending",
  "transactional",
  "archived",
] as const

export const memberStatusSchema = z.enum(memberStatuses)

export type MemberStatus = z.infer<typeof memberStatusSchema>

const jsonSchema = z.json()

export type Json = z.infer<typeof jsonSchema>

/**
 * A row of a list as Mailchimp sends it, but for `_links`. Only what the sandbox itself reads is named here; the rest passes
 * through, in the order of `memberKeys`.
 */
export const memberSchema = z
  .object({
    id: z.string(),
    email_address: z.string(),
    unique_email_id: z.string(),
    contact_id: z.string(),
    full_name: z.string(),
    web_id: z.number(),
    email_type: z.string(),
    status: memberStatusSchema,
    merge_fields: z.record(z.string(), jsonSchema),
    ip_signup: z.string(),
    timestamp_signup: z.string(),
    ip_opt: z.string(),
    timestamp_opt: z.string(),
    last_changed: z.string(),
    vip: z.boolean(),
    list_id: z.string(),
    interests: z.record(z.string(), z.boolean()).optional(),
    unsubscribe_reason: z.string().optional(),
  })
  .catchall(jsonSchema.optional())

export type Member = z.infer<typeof memberSchema>

/** The order of a member's keys on the wire, as recorded; those that are not always there keep their place. */
const memberKeys = [
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
  "stats",
  "ip_signup",
  "timestamp_signup",
  "ip_opt",
  "timestamp_opt",
  "member_rating",
  "last_changed",
  "language",
  "vip",
  "email_client",
  "location",
  "marketing_permissions",
  "last_note",
  "source",
  "tags_count",
  "tags",
  "list_id",
]

/** The row as Mailchimp writes it: compact, keys in the recorded order, unknown ones last. */
export function writeMember(member: Member): string {
  const ordered: Record<string, Json | undefined> = {}
  for (const key of memberKeys) if (key in member) ordered[key] = member[key]
  return JSON.stringify(Object.assign(ordered, member))
}

/** A member's id: the MD5 of the address in lower case. */
export function memberIdOf(emailAddress: string): string {
  return md5(emailAddress.toLowerCase())
}

/** The MD5 as 32 hex digits: for ids that have to look like Mailchimp's, never for secrecy. */
export function md5(text: string): string {
  return new Bun.CryptoHasher("md5").update(text).digest("hex")
}

/** Mailchimp's way to write a time: ISO 8601, whole seconds, `+00:00`. */
export function writeTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}+00:00`
}

/** Whole seconds since the epoch, or 0 where a row has the empty string that stands for no value. */
export function secondsOf(time: string): number {
  const ms = Date.parse(time)
  return Number.isNaN(ms) ? 0 : Math.floor(ms / 1000)
}
