import type { IdSum } from "../../lib/id-sum.ts"
import type { SentAt } from "../mailchimp-clock.ts"

/** Whole seconds since the epoch: the resolution of Mailchimp's `last_changed`. */
export type Second = number

/** Equal for rows with equal bytes, and in practice different for all others. */
export type Fingerprint = bigint | number | string

/** The members of one response, in order, as Mailchimp sent them. */
export type Rows = {
  readonly length: number
  /**
   * The member's key, unique only within its list: its id, if it is a string that occurs once in the page. Otherwise
   * undefined, e.g. for contacts without an address, whose rows have nothing to distinguish them.
   */
  id(index: number): string | undefined
  /** The row's `last_changed`. Undefined if Mailchimp sent no valid date. */
  second(index: number): Second | undefined
  /** The row's `status`. Undefined if it was not requested, or is not a string. */
  status(index: number): string | undefined
  /** Also tells rows apart that differ in a key that was removed because only we requested it. */
  fingerprint(index: number): Fingerprint
  /** The rows from `start` up to, but not including, `end`, each *after* a newline, so no separator waits for the next row. */
  bytes(start: number, end: number): Uint8Array
  /** Adds the rows from `start` up to, but not including, `end` to a sum: by any id, also one that is no key, else by bytes. */
  addIds(sum: IdSum, start: number, end: number): void
  /** Frees the memory at once: afterwards no row can be read, and bytes that `bytes()` returned are gone. */
  release(): void
  /** How many rows match the request, by Mailchimp's count. */
  readonly totalItems: number
}

/** The rows of one response, with what is known about its request. */
export type Page = Rows & {
  /** How many rows were requested. */
  readonly count: number
  /** When the request was sent. */
  readonly sentAt: SentAt
}
