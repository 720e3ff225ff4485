import type { IdSum } from "./id-sum.ts"
import type { Moment, SentAt } from "../mailchimp/mailchimp-clock.ts"
import type { MembersQuery } from "../mailchimp/members.ts"

export type { Moment } from "../mailchimp/mailchimp-clock.ts"
export type { MembersQuery } from "../mailchimp/members.ts"

/** Whole seconds since the epoch: the resolution of Mailchimp's `last_changed`. */
export type Second = number

/** Equal for two rows of equal bytes, and for no others that one will ever meet. */
export type Fingerprint = bigint | number | string

/** The members of one answer, in order, as Mailchimp sent them. */
export type Rows = {
  readonly length: number
  /**
   * The member's key, unique within its list only: its id, where that is a text that occurs once in the page. Undefined for
   * all others, such as contacts without an address, whose rows nothing can tell apart.
   */
  id(index: number): string | undefined
  /** Its `last_changed`. Undefined where Mailchimp gave none that is a date. */
  second(index: number): Second | undefined
  fingerprint(index: number): Fingerprint
  /** The rows from `start` to before `end`, each *after* a newline, so that a separator never waits for a row. */
  bytes(start: number, end: number): Uint8Array
  /** Adds the rows from `start` to before `end` to a sum: by their ids, even those that are no key, else by their bytes. */
  addIds(sum: IdSum, start: number, end: number): void
  /** Gives their memory back, at once: no row can be read any more, and bytes that were taken are gone. */
  release(): void
  /** How many rows match the question, by Mailchimp's count. */
  readonly totalItems: number
}

/** The answer to one question. */
export type Page = Rows & {
  /** How many rows were asked for. */
  readonly count: number
  /** When the request was sent. */
  readonly sentAt: SentAt
}

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
