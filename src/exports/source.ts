import type { MembersQuery } from "../mailchimp/members.ts"

export type { MembersQuery } from "../mailchimp/members.ts"

/** Whole seconds since the epoch: the resolution of Mailchimp's `last_changed`. */
export type Second = number

/** Equal for two rows of equal bytes, and for no others that one will ever meet. */
export type Fingerprint = bigint | number | string

/** The members of one answer, in order, as Mailchimp sent them. */
export type Rows = {
  readonly length: number
  /**
   * The member's key: its id, which is unique within its list only. Undefined if the id is not a non-empty string that
   * occurs once in the page: contacts without an address have none.
   */
  id(index: number): string | undefined
  /** Its `last_changed`. Undefined where Mailchimp gave none that is a date. */
  second(index: number): Second | undefined
  fingerprint(index: number): Fingerprint
  /** The rows from `start` to before `end`, each *after* a newline, so that a separator never waits for a row. */
  bytes(start: number, end: number): Uint8Array
  /** Gives their memory back, at once: no row can be read any more, and bytes that were taken are gone. */
  release(): void
  /** How many rows match the question, by Mailchimp's count. */
  readonly totalItems: number
}

/** The answer to one question. */
export type Page = Rows & {
  /** How many rows were asked for. */
  readonly count: number
  /**
   * A lower bound of Mailchimp's clock when the question was sent: the newest `Date` header received before, plus
   * the monotonic time since. -Infinity while no answer has come yet.
   */
  readonly askedAt: Second
}

/** Where pages come from. The scan knows nothing else of Mailchimp, so that a test can be one. */
export type Source = {
  /** Asks, with all retries. Rejects with the signal's reason, or with an AppError. */
  read(query: MembersQuery, signal: AbortSignal): Promise<Page>
  /** How many more questions could start right now: permits and tokens that would otherwise stay idle. */
  spare(): number
  /** A lower bound of Mailchimp's clock for a question about to be sent. */
  clock(): Second
  /** Waits until that clock may have reached a second. Aborts like `read`. */
  waitUntil(second: Second, signal: AbortSignal): Promise<void>
}
