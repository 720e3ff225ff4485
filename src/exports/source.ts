/** Whole seconds since the epoch: the resolution of Mailchimp's `last_changed`. */
export type Second = number

/** One question for members of one list. */
export type MembersQuery = {
  readonly listId: string
  /** Mailchimp's own filter, one value. Without it archived members are left out. */
  readonly status?: string
  /** Only members changed after this second. */
  readonly since?: Second
  /** Only members changed at or before this second. */
  readonly before?: Second
  readonly sort: "last_changed" | "timestamp_opt"
  readonly direction?: "ASC" | "DESC"
  readonly offset: number
  /** At most so many rows, fewer where Mailchimp fails on big pages. Without it: as many as a page may hold. */
  readonly count?: number
}

/** The answer to one question: rows in order, as Mailchimp sent them. */
export type Page = {
  /** The number of rows. */
  readonly length: number
  /** Id and `last_changed` of a row. The second is undefined where Mailchimp gave none that is a date. */
  key(index: number): { readonly id: string; readonly second: Second | undefined }
  /** The bytes of the rows from `start` to before `end`, as NDJSON: each row ended by a newline. */
  ndjson(start: number, end: number): Uint8Array
  /** How many rows match the question, by Mailchimp's count. */
  readonly totalItems: number
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
  /** A lower bound of Mailchimp's clock for a question about to be sent. */
  clock(): Second
  /** Waits until that clock may have reached a second. Aborts like `read`. */
  waitUntil(second: Second, signal: AbortSignal): Promise<void>
}
