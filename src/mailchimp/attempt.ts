import { acceptEncoding } from "../lib/read-body.ts"
import { anySignal, type Clock } from "../lib/time.ts"
import type { Address, Query, Resource } from "./address.ts"
import { MailchimpError, type MailchimpErrorKind, type Subject } from "./errors.ts"
import { toMailchimpError, toUnusableResponse } from "./judge-response.ts"
import type { Flow } from "./limiter/limiter.ts"
import { takeTurn, type TurnLimits } from "./limiter/take-turn.ts"
import type { MailchimpClock, SentAt } from "./mailchimp-clock.ts"
import { type RawResponse, toTransportError, type Transport } from "./transport.ts"

export type MailchimpRequest<T> = Resource & {
  /** GET by default. A POST is never retried, because a POST that failed may still have taken effect. */
  readonly method?: "POST" | "DELETE"
  /** The JSON body of a POST. */
  readonly body?: unknown
  /** Completes "Cannot …" in errors, such as "read the members". */
  readonly action: string
  /** The query parameters. Called for each attempt, because the size of a page may have changed. */
  query(): Query
  /**
   * Parses the whole body. Any error that it throws means that the response is unusable, and the request is retried.
   *
   * @param sentAt when this attempt was sent
   * @param compressed the body as it was sent, if it was compressed
   */
  parse(body: Uint8Array, sentAt: SentAt, compressed?: Uint8Array<ArrayBuffer>): T
  /** Called for each failed attempt. */
  onFailure?(error: MailchimpError): void
  /** Whether the next attempt requests less than the failed one: then it is made after a short pause. */
  isEased?(): boolean
  /** The most bytes of a body, both as it was sent and inflated. Eight megabytes by default. */
  maxBytes?(): number
  /** Called with the beginning of a large body while it arrives: see {@link readBody}. */
  inspect?(head: Uint8Array): void
  readonly signal: AbortSignal
  /** The time-out of each attempt, if the client's own is too long. */
  readonly timeoutMs?: number | undefined
  /**
   * When this time has passed, no other attempt begins, and an attempt that waits for its permit is aborted. A function is
   * called again after each failure, and returns the time that is left. By default the client's own `retryMs`.
   */
  readonly deadlineMs?: number | (() => number | undefined) | undefined
}

/** An attempt has ended. */
export type ResponseEvent = {
  readonly type: "response"
  readonly action: string
  /** Undefined if the response was good. */
  readonly kind: MailchimpErrorKind | undefined
  /** From sending the request to the last byte of its response. */
  readonly durationMs: number
  readonly bytes: number
  /** How long the request waited for its turn before it was sent, and what for. */
  readonly waitedMs: number
  readonly waitedFor: ReturnType<Flow["waitingFor"]>
  /** How far Mailchimp's clock was ahead of ours. Undefined if the response does not say. */
  readonly clockAheadMs: number | undefined
}

export type AttemptOptions = {
  readonly accessToken: string
  readonly transport: Transport
  readonly address: Pick<Address, "toUrl">
  readonly flow: Flow
  /** Learns from the `Date` of each good response. */
  readonly mailchimpClock: Pick<MailchimpClock, "now" | "observe">
  readonly clock: Clock
  readonly timeoutMs: number
  /** Called after each good response. */
  readonly onSuccess: () => void
  readonly onEvent: (event: ResponseEvent) => void
}

/**
 * Makes one attempt at a request in a data center: takes a turn, sends, and parses. Rejects with a {@link MailchimpError},
 * or with the signal's reason.
 */
export type Attempt = <T>(
  request: MailchimpRequest<T>,
  subject: Subject,
  dc: string,
  limits: TurnLimits,
) => Promise<T>

const defaultMaxBytes = 8 * 2 ** 20

export function createAttempt(options: AttemptOptions): Attempt {
  const { accessToken, transport, address, flow, mailchimpClock, clock, onSuccess, onEvent } = options
  const headers = {
    authorization: `Bearer ${accessToken}`,
    accept: "application/json",
    "accept-encoding": acceptEncoding,
  }

  const toInit = ({ method, body }: MailchimpRequest<unknown>) => {
    if (method === undefined) return { headers }
    if (body === undefined) return { method, headers }
    return { method, headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(body) }
  }

  /** Resolves to a 2xx. */
  const send = async (
    request: MailchimpRequest<unknown>,
    subject: Subject,
    dc: string,
    lost: AbortSignal | undefined,
  ) => {
    const { signal, maxBytes, inspect, timeoutMs = options.timeoutMs } = request
    using either = lost && anySignal(signal, lost)
    const url = address.toUrl(dc, request, request.query())
    const bounds = {
      timeoutMs: Math.min(options.timeoutMs, timeoutMs),
      maxBytes: maxBytes?.() ?? defaultMaxBytes,
      signal: either?.signal ?? signal,
      inspect,
    }
    return await transport(url, toInit(request), bounds).catch((error: unknown) => {
      signal.throwIfAborted()
      throw toTransportError(error, subject)
    })
  }

  /** All flows of a limiter are throttled together, also if this request is not retried. */
  const slowDown = (permit: { throttled(): void; timedOut(): void }, error: MailchimpError) => {
    if (error.kind === "throttled" || error.kind === "blocked") {
      permit.throttled()
      flow.pause(error.retryAfterMs ?? 0)
    }
    if (error.kind === "timed_out") permit.timedOut()
  }

  return async (request, subject, dc, limits) => {
    const { action } = request
    const queuedMs = clock.monotonicMs()
    const turn = takeTurn(flow, subject, { signal: request.signal, clock, ...limits })
    const waitedFor = flow.waitingFor()
    using permit = await turn
    const startedMs = clock.monotonicMs()
    const sentAt = mailchimpClock.now()
    let bytes = 0
    let clockAheadMs: number | undefined
    const report = (kind: MailchimpErrorKind | undefined) => {
      const durationMs = clock.monotonicMs() - startedMs
      const waitedMs = startedMs - queuedMs
      onEvent({ type: "response", action, kind, durationMs, bytes, waitedMs, waitedFor, clockAheadMs })
    }
    try {
      const response = await send(request, subject, dc, permit.lost)
      bytes = response.body.length
      if (response.status < 200 || response.status > 299)
        throw toMailchimpError(response, subject, clock.now())
      const { latest } = mailchimpClock.now()
      const value = parse(request, response, { ...sentAt, latest }, subject)
      // Only now is the response known to be Mailchimp's own: a gateway's `Date` would be by another clock.
      clockAheadMs = mailchimpClock.observe(response.headers.get("date"), response.receivedMs)
      permit.succeeded()
      onSuccess()
      report(undefined)
      return value
    } catch (error) {
      if (error instanceof MailchimpError) {
        slowDown(permit, error)
        report(error.kind)
        request.onFailure?.(error)
      }
      throw error
    }
  }
}

function parse<T>(request: MailchimpRequest<T>, response: RawResponse, sentAt: SentAt, subject: Subject): T {
  try {
    return request.parse(response.body, sentAt, response.compressed)
  } catch (cause) {
    throw toUnusableResponse(response, subject, { cause })
  }
}
