import type { IdSum } from "../../lib/id-sum.ts"
import type { SentAt } from "../mailchimp-clock.ts"

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
