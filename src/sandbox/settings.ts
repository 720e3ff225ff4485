import type { HiddenRow } from "./api/hidden-rows.ts"
import type { MembersQuery } from "./api/members-query.ts"

/**
 * How the sandbox behaves. A test may change any setting while the sandbox runs; `reset()` restores the initial
 * settings.
 */
export type Settings = {
  /** What the consent page does: wait for a person, or decide at once. */
  decision: "ask" | "approve" | "deny"
  /** The account that consents when no person decides; the first account by default. */
  consentingUserId: number | undefined
  /** How long a page takes, or a function of its list for latencies that vary. */
  latencyMs: number | ((request: { listId: string }) => number)
  /** When a page is read: after the latency, or before it. */
  evaluate: "after-latency" | "before-latency"
  /** How long it takes until the API shows a change, as when a replica lags. */
  visibilityDelayMs: number
  /** The clocks of the servers behind the API, as offsets from the true time; requests and changes take turns. */
  serverSkewsMs: readonly number[]
  /** How far the `Date` of a response is ahead of its server's clock, in ms; `last_changed` follows that clock. */
  dateOffsetMs: number | ((request: Request) => number)
  /** If false, no response has a `Date`, as when a gateway removes it. */
  sendsDate: boolean
  /** By how much the `total_items` of members is too high, or a function for counts that are wrong in some requests. */
  surplusItems: number | ((request: { listId: string; query: MembersQuery }) => number)
  /** Members that some listings leave out, although their `total_items` counts them. */
  hiddenRows: readonly HiddenRow[]
  /** If true, an empty collection lacks its array: `{"total_items":0}` without `members`. */
  omitsEmptyArrays: boolean
  /** The response to a request in another data center than the account's: a 403, or the 401 of an unknown token. */
  wrongDataCenterWith: "wrong_datacenter" | "api_key_invalid"
  /** By how much `total_items` of /lists differs from the number of lists. */
  listsTotalOff: number
  /** Whether /lists never ends: each page is full of new lists, or repeats the first lists, and the total grows. */
  endlessLists: "new" | "repeated" | "off"
  /** Whether responses are compressed for clients that accept it. */
  gzip: boolean
  /** The shares of deliveries that are lost, sent twice, up to ten seconds late, or without their optional fields. */
  lostDeliveries: number
  doubledDeliveries: number
  lateDeliveries: number
  strippedDeliveries: number
}

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
  wrongDataCenterWith: "wrong_datacenter",
  listsTotalOff: 0,
  endlessLists: "off",
  gzip: true,
  lostDeliveries: 0,
  doubledDeliveries: 0,
  lateDeliveries: 0,
  strippedDeliveries: 0,
}
