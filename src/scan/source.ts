import type { Moment } from "../mailchimp/mailchimp-clock.ts"
import type { Page, Second } from "../mailchimp/members/page.ts"
import type { MembersQuery } from "../mailchimp/members/read-members.ts"

export type { Moment } from "../mailchimp/mailchimp-clock.ts"
export type { Fingerprint, Page, Second } from "../mailchimp/members/page.ts"
export type { MembersQuery } from "../mailchimp/members/read-members.ts"

/** About how many rows a request will find, and how many of them fit a page. */
export type Expected = { readonly rows: number; readonly pageRows: number }

/** Where pages come from. The scan knows nothing else of Mailchimp, so that a test can be one. */
export type Source = {
  /** Asks, with all retries. Rejects with the signal's reason, or with an AppError. */
  read(query: MembersQuery, signal: AbortSignal): Promise<Page>
  /** How many more questions could start right now: permits and tokens that would otherwise stay idle. */
  spare(): number
  /** What is known of a request's rows before it is sent. Only a hint: nothing may depend on it but how fast a list is read. */
  expected?(query: MembersQuery): Expected | undefined
  /** The time at Mailchimp, for a request about to be sent. */
  now(): Moment
  /** Waits until the earlier of its clocks shows a second, but `mostS` seconds at most. Aborts like `read`. */
  waitUntil(second: Second, mostS: number, signal: AbortSignal): Promise<void>
  /** Waits for so many seconds. Aborts like `read`. */
  pause(seconds: number, signal: AbortSignal): Promise<void>
}
