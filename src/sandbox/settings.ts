import type { MembersQuery } from "./api/query-members.ts"
import type { HiddenRow } from "./api/shown-members.ts"

/**
 * How the sandbox behaves. A test may change any setting while the sandbox runs; `reset()` restores the initial
 * settings.
 */
export type Settings = {
  /** What the consent page does: wait for a person, or decide at once. */
  decision: Decision
  /** The account that consents when no person decides; the first account by default. */
  consentingUserId: number | undefined
  /** How long a page takes, or a function of the request for latencies that vary. */
  latencyMs: number | ((request: { listId: string; offset: number; nth: number }) => number)
  /** When a page is read: after the latency, before it, or its `total_items` before and its rows after. */
  evaluate: "after-latency" | "before-latency" | "count-before-rows-after"
  /** How long it takes until the API shows a change. */
  visibilityDelayMs: number
  /** The clocks of the servers behind the API, as offsets from the true time; requests and changes take turns. */
  serverSkewsMs: readonly number[]
  /** How far the `Date` of a response is ahead of its server's clock, in ms; `last_changed` follows that clock. */
  dateOffsetMs: number | ((request: Request) => number)
  /** If false, no response has a `Date`, as after a gateway that removes or renames it. */
  sendsDate: boolean
  /** By how much the `total_items` of members is too high, or a function for counts that are wrong in some requests. */
  surplusItems: number | ((request: { listId: string; query: MembersQuery }) => number)
  /** Members that some listings leave out, although their `total_items` counts them. */
  hiddenRows: readonly HiddenRow[]
  /** If true, an empty collection lacks its array: `{"total_items":0}` without `members`. */
  omitsEmptyArrays: boolean
  /** Simultaneous connections of one Mailchimp user. */
  maxConnections: number
  /** How long a request still holds its connection after its client has aborted it. */
  holdAfterAbortMs: number
  /** A limit of requests for each Mailchimp user; Mailchimp has none. */
  requestLimit: { requests: number; windowMs: number } | undefined
  /** The response to a request over a limit: the documented 429, or the 403 without JSON of an overloaded proxy. */
  throttleWith: "429" | "403-html"
  /** The response to a request in another data center than the account's: a 403, or the 401 of an unknown token. */
  wrongDataCenterWith: "wrong_datacenter" | "api_key_invalid"
  /** By how much `total_items` of /lists differs from the number of lists. */
  listsTotalOff: number
  /**
   * Whether /lists never ends: every page is full, with new lists or with those of the first page, and the total
   * grows.
   */
  endlessLists: "new" | "repeated" | "off"
  /** Whether responses are compressed for clients that accept it. */
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
  dateOffsetMs: 0,
  sendsDate: true,
  surplusItems: 0,
  hiddenRows: [],
  omitsEmptyArrays: false,
  maxConnections: 10,
  holdAfterAbortMs: 0,
  requestLimit: undefined,
  throttleWith: "429",
  wrongDataCenterWith: "wrong_datacenter",
  listsTotalOff: 0,
  endlessLists: "off",
  gzip: true,
}
