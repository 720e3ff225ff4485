import type { Moment } from "../mailchimp/mailchimp-clock.ts"
import type { Page, Second } from "../mailchimp/members/page.ts"
import type { MembersQuery } from "../mailchimp/members/read-members.ts"

export type { Moment } from "../mailchimp/mailchimp-clock.ts"
export type { Fingerprint, Page, Second } from "../mailchimp/members/page.ts"
export type { MembersQuery } from "../mailchimp/members/read-members.ts"

/** About how many rows a request will find, and how many of them fit a page. */
export type Expected = { readonly rows: number; readonly pageRows: number }

/** Where pages come from: all that the scan knows of Mailchimp, so a test can implement it. */
export type Source = {
  /** Requests a page, with all retries. Rejects with the signal's reason, or with an AppError. */
  read(query: MembersQuery, signal: AbortSignal): Promise<Page>
  /** How many more requests could start right now: permits and tokens that would otherwise stay idle. */
  spare(): number
  /** Calls the listener when `spare()` may have risen although no response has arrived, until the result is disposed of. */
  onSpare?(listener: () => void): Disposable
  /** What is known of a query's rows before it is sent. Only a hint: nothing but the speed of the scan may depend on it. */
  expected?(query: MembersQuery): Expected | undefined
  /** The time at Mailchimp, for a request that is about to be sent. */
  now(): Moment
  /** Waits until the earlier of the two clocks shows a second, but at most `maxS` seconds. Aborts like `read`. */
  waitUntil(second: Second, maxS: number, signal: AbortSignal): Promise<void>
  /** Waits for a number of seconds. Aborts like `read`. */
  pause(seconds: number, signal: AbortSignal): Promise<void>
}
