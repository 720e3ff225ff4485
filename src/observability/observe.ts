import type { WatchEvent } from "../connections/connection-watch.ts"
import type { DisconnectEvent } from "../connections/disconnect.ts"
import type { FailureReason } from "../connections/forward-url.ts"
import type { AccountEvent } from "../connections/open-account.ts"
import type { AppError } from "../errors.ts"
import type { ExportEvent } from "../exports/export-event.ts"
import type { FollowEvent } from "../follow/follow-event.ts"
import type { JobEvent } from "../jobs/job-event.ts"
import type { MailchimpEvent } from "../mailchimp/client.ts"
import type { DeliveryEvent } from "../webhooks/receive.ts"

/** Everything that the service reports about its work. */
type ServiceEvent =
  | RequestEvent
  | LoginFailedEvent
  | ExportsEvent
  | { readonly type: "mailchimp"; readonly event: MailchimpEvent }
  | AccountEvent
  | WatchEvent
  | StoredConnectionEvent
  | JobEvent
  | DisconnectEvent
  | DeliveryEvent
  | RedisEvent
  | FollowEvent

export type EventOf<Type extends ServiceEvent["type"]> = Extract<ServiceEvent, { type: Type }>

/** Reports an event. The consumers of events, such as the log, have this type. */
export type Observe = (event: ServiceEvent) => void

/** The response to a request begins. */
type RequestEvent = {
  readonly type: "request"
  readonly requestId: string
  readonly method: string
  /** The pattern of the route, never the path or query, which may hold codes, states and secrets. */
  readonly route: string
  /** 499 if the client disconnected before. */
  readonly status: number
  readonly durationMs: number
  readonly error: AppError | undefined
}

/** The user is told no more than a reason. */
type LoginFailedEvent = {
  readonly type: "login_failed"
  readonly requestId: string
  readonly failure: unknown
  /** The reason in the forward URL; undefined if no URL can be trusted. */
  readonly reason: FailureReason | undefined
  /** The error in Mailchimp's redirect. Anyone can call the callback, so it may be any text. */
  readonly callbackError: string | undefined
}

/** The connection to Redis was lost, or is there again. */
type RedisEvent = { readonly type: "redis_down"; readonly error: unknown } | { readonly type: "redis_up" }

type ExportsEvent = {
  readonly type: "export"
  /** Of the request, or the id of the job. */
  readonly requestId: string
  /** The header in which the caller names the trace and the span that the export belongs to (W3C Trace Context). */
  readonly traceparent?: string | undefined
  /** `stalled`: the consumer does not read. */
  readonly event: ExportEvent | { readonly type: "stalled" }
}

/** A stored connection cannot be read, so it counts as invalidated. */
type StoredConnectionEvent = {
  readonly type: "token_not_opened" | "connection_malformed"
  readonly connectionId: string
  readonly error: unknown
}
