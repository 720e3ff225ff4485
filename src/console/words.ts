import type { MailchimpExportError } from "../client/error.ts"
import type { MemberStatus } from "../client/member.ts"
import type { ClientErrorCode, ErrorCode, List, WaitingFor } from "../client/types.ts"

const advices: { readonly [Code in ErrorCode | ClientErrorCode]?: string } = {
  unauthorized: "Your sign-in has ended. Open this page from your platform again.",
  connection_invalidated: "Reconnect Mailchimp, and start again.",
  access_token_not_found: "Connect Mailchimp first.",
  disconnected: "Mailchimp was disconnected. Connect it, and start again.",
  too_many_exports: "Wait until another export has ended, or cancel one.",
  mailchimp_forbidden: "Ask the owner of the Mailchimp account whether you may see its contacts.",
  mailchimp_throttled: "Mailchimp is busy with this account. Wait a minute, and resume.",
  login_cross_site: "Open this page at the service's own address.",
  jobs_not_configured: "Ask the people who run this service to set up exports in the background.",
  job_files_full: "Delete files of earlier exports, or ask the people who run this service for more space.",
  network_error: "Check your internet connection, and resume.",
}

/** What went wrong, where the service's own words are meant for developers. */
export const plainWords: { readonly [Code in ErrorCode | ClientErrorCode]?: string } = {
  connection_invalidated: "Mailchimp does not accept the access anymore that you gave to this service",
}

/** What a person can do about an error. */
export function adviceOf({ code, retryable }: Pick<MailchimpExportError, "code" | "retryable">): string {
  return advices[code] ?? (retryable ? "Wait a minute, and try again." : "")
}

export const waitingWords: Readonly<Record<WaitingFor, string>> = {
  permit: "Waiting for a free connection to Mailchimp",
  rate_limit: "Waiting because Mailchimp allows ten requests a second",
  mailchimp: "Waiting for Mailchimp to respond",
}

/** Each status by the name that people see at Mailchimp. */
export const statusNames: { readonly [Status in MemberStatus]: string } = {
  subscribed: "Subscribed",
  unsubscribed: "Unsubscribed",
  cleaned: "Cleaned",
  pending: "Pending",
  transactional: "Non-subscribed",
  archived: "Archived",
}

/** The name of a status. One that Mailchimp adds later is called what it is. */
export function statusName(status: string): string {
  return new Map<string, string>(Object.entries(statusNames)).get(status) ?? status
}

export function count(number: number, noun: string): string {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`
}

/** How large an account is, by the statuses that Mailchimp counts, and what it does not count. */
export function accountWords(lists: readonly List[]): string {
  if (lists.length === 0) return "No lists yet."
  const sum = (key: "member_count" | "unsubscribe_count" | "cleaned_count") =>
    lists.reduce((total, list) => total + list[key], 0)
  const counts = {
    member_count: sum("member_count"),
    unsubscribe_count: sum("unsubscribe_count"),
    cleaned_count: sum("cleaned_count"),
  }
  return `${count(lists.length, "list")}: ${sizeWords(counts)}. Mailchimp does not say how many more are pending, non-subscribed or archived.`
}

/** How many members there are of each status that Mailchimp counts. */
export function sizeWords(
  counts: Pick<List, "member_count" | "unsubscribe_count" | "cleaned_count">,
): string {
  const { member_count, unsubscribe_count, cleaned_count } = counts
  return [
    `${member_count.toLocaleString("en")} subscribed`,
    ...(unsubscribe_count > 0 ? [`${unsubscribe_count.toLocaleString("en")} unsubscribed`] : []),
    ...(cleaned_count > 0 ? [`${cleaned_count.toLocaleString("en")} cleaned`] : []),
  ].join(", ")
}

/** How soon changes are seen, and what the platform can do about it. */
export function syncWords(lists: readonly Pick<List, "webhook">[]): string {
  const synced = lists.filter(({ webhook }) => webhook).length
  if (synced === lists.length) return "Live changes arrive within seconds, because Mailchimp reports them."
  const others = synced === 0 ? "" : ` Those of ${count(synced, "list")} arrive within seconds.`
  return `Live changes arrive within about a minute.${others} To have all within seconds, ask your developers to turn on each list's webhook.`
}

/** As many names of lists or fields are listed; of more the others are counted. */
const fewNames = 4

/** What an export has. Without fields it has all of them. */
export function selectionWords(selection: {
  readonly lists: readonly string[]
  readonly statuses: readonly string[]
  readonly fields: readonly string[]
}): string {
  const { lists, statuses, fields } = selection
  const ofFields = fields.length === 0 ? "All fields" : namesOf(fields)
  return [namesOf(lists), statuses.join(", "), ofFields].join(" · ")
}

function namesOf(names: readonly string[]): string {
  const others = names.length - fewNames
  return [...names.slice(0, fewNames), ...(others > 0 ? [`${others} more`] : [])].join(", ")
}

/** A day and a time, as people write them. */
export function dateTime(iso: string): string {
  return new Date(iso).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" })
}

/** About how long, in the unit that a person would use. */
export function duration(seconds: number): string {
  if (seconds < 90) return count(Math.max(1, Math.round(seconds)), "second")
  const minutes = Math.round(seconds / 60)
  return minutes < 90 ? count(minutes, "minute") : count(Math.round(minutes / 60), "hour")
}

/** A size of a file. */
export function size(bytes: number): string {
  if (bytes < 1000) return count(bytes, "byte")
  return bytes < 999_500 ? `${Math.round(bytes / 1000)} KB` : `${(bytes / 1e6).toFixed(1)} MB`
}
