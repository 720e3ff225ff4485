/** How the sandbox behaves; a test may change any of it while it runs, and `reset()` restores what it began with. */
export type Settings = {
  /** What the consent page does: ask a person, or answer at once. */
  decision: Decision
  /** Whose account consents when nobody is asked; the first one by default. */
  consentingUserId: number | undefined
  /** How long a page takes, or a function of the request for latencies that vary. */
  latencyMs: number | ((request: { listId: string; offset: number; nth: number }) => number)
  /** When a page is made: after the latency, before it, or its `total_items` before and its rows after. */
  evaluate: "after-latency" | "before-latency" | "count-before-rows-after"
  /** How long a change takes to be seen by the API. */
  visibilityDelayMs: number
  /** The clocks of the servers behind the API, as offsets from the true time; requests and changes take turns. */
  serverSkewsMs: readonly number[]
  /** Simultaneous connections of one Mailchimp user. */
  maxConnections: number
  /** How long a request that its client gave up still holds its connection. */
  holdAfterAbortMs: number
  /** An allowance of requests for each Mailchimp user; none at Mailchimp. */
  requestLimit: { requests: number; windowMs: number } | undefined
  /** What a request over a limit gets: the documented 429, or the 403 without JSON of an overloaded proxy. */
  throttleWith: "429" | "403-html"
  /** By how much `total_items` of /lists differs from the number of lists. */
  listsTotalOff: number
  /** Whether /lists never ends: every page is full, of new lists or of those of the first page, and the total grows. */
  endlessLists: "new" | "repeated" | "off"
  /** Compress answers for clients that accept it. */
  gzip: boolean
}

type Decision = "ask" | "approve" | "deny"

export const defaultSettings: Settings = {
  decision: "ask",
  consentingUserId: undefined,
  latencyMs: 0,
  evaluate: "after-latency",
  visibilityDelayMs: 0,
  serverSkewsMs: [0],
  maxConnections: 10,
  holdAfterAbortMs: 0,
  requestLimit: undefined,
  throttleWith: "429",
  listsTotalOff: 0,
  endlessLists: "off",
  gzip: true,
}
