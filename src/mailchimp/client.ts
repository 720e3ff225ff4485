import { AppError } from "../errors.ts"
import { type Clock, systemClock, withTimeout } from "../lib/time.ts"
import type { Fetch } from "../lib/fetch.ts"
import { createRedaction, type Redaction } from "../lib/redaction.ts"
import { acceptEncoding, readBody } from "../lib/read-body.ts"
import { isDataCenter } from "./data-center.ts"
import {
  createMailchimpError,
  InvalidToken,
  MailchimpError,
  type MailchimpErrorKind,
  type RawResponse,
  type Subject,
  toMailchimpError,
  toTransportError,
  toUnusableResponse,
} from "./errors.ts"
import type { Flow } from "./limiter/limiter.ts"
import { createMailchimpClock, type Moment, type SentAt } from "./mailchimp-clock.ts"
import { createPageMemories, type PageMemory } from "./members/page-memory.ts"
import { retry, type RetryEvent } from "./retry.ts"
import { takeTurn } from "./limiter/take-turn.ts"

/** What a client reports for logs and metrics. It contains no personal data. */
export type MailchimpEvent =
  | (RetryEvent & { readonly action: string })
  /** A collection was read to its end, and Mailchimp's count of its items differs. */
  | {
      readonly type: "count_differs"
      readonly action: string
      readonly listId: string | undefined
      readonly items: number
      readonly totalItems: number
    }
  | {
      readonly type: "response"
      readonly action: string
      /** Undefined if the response was good. */
      readonly kind: MailchimpErrorKind | undefined
      readonly durationMs: number
      readonly bytes: number
    }
  /** Mailchimp's clock and ours differ by more than the margin: one of them is wrong. Reported once per client. */
  | { readonly type: "clocks_differ"; readonly aheadS: number }

/** What is known about a connection beyond a single response, because any gateway may respond with 401 or 403. */
export type Standing = {
  /**
   * Reads the metadata endpoint, and resolves to the account's data center. Rejects with {@link InvalidToken} if the token
   * was revoked, and with another AppError if the endpoint does not say.
   */
  locate(signal: AbortSignal): Promise<string>
  /** Records a response that the user is disabled. Returns whether there were enough of them to believe it. */
  saysDisabled(): boolean
  /** Records a good response: the user is not disabled. */
  responded(): void
}

export type MailchimpClientOptions = {
  readonly accessToken: string
  /** The account's data center, such as `us19`. */
  readonly dc: string
  /** The API's root, with `{dc}` for the data center: `https://{dc}.api.mailchimp.com/3.0`. */
  readonly apiUrl: string
  /** The path of the lists on the API's host, if it is not `/lists` under the root: e.g. `/api/3.0/lists`. */
  readonly listsPath?: string | undefined
  /** Where the permits and tokens for this client's requests come from. */
  readonly flow: Flow
  /** By how many seconds the clocks may differ before it is reported, and may be assumed to if Mailchimp sends no `Date`. */
  readonly clockMarginS?: number
  /** Confirms a 401, a wrong data center and a disabled user. Without it they are faults like any other. */
  readonly standing?: Standing | undefined
  /** By default a little more than the 120 s after which Mailchimp itself ends a call. */
  readonly timeoutMs?: number
  /** How long a request without a deadline of its own is retried. Ten minutes by default. */
  readonly retryMs?: number
  /** What the process knows about this connection's pages. By default only this client uses it. */
  readonly pages?: PageMemory
  /** Resolves in a turn of the event loop that no other body has: see {@link readBody}. At once by default. */
  readonly nextTurn?: () => Promise<void>
  /** Masks secrets in errors. It learns the access token with each request. */
  readonly redaction?: Redaction
  readonly fetch?: Fetch
  readonly clock?: Clock
  readonly random?: () => number
  readonly onEvent?: (event: MailchimpEvent) => void
}

type ParseContext = {
  /** When this attempt was sent. */
  readonly sentAt: SentAt
}

export type MailchimpRequest<T> = {
  /** Completes "Cannot …" in errors, such as "read the members". */
  readonly action: string
  /** The list to request; without it, the collection of lists is requested. */
  readonly listId?: string
  /** What to request below the list, e.g. `members`. */
  readonly resource?: string
  /** GET by default. A POST is never retried, because a POST that failed may still have taken effect. */
  readonly method?: "POST" | "DELETE"
  /** The JSON body of a POST. */
  readonly body?: unknown
  /** The query parameters. Called for each attempt, because the size of a page may have changed. */
  query(): Readonly<Record<string, string | number | undefined>>
  /**
   * Parses the whole body. Any error that it throws means that the response is unusable, and the request is retried.
   */
  parse(body: Uint8Array, context: ParseContext): T
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

export type MailchimpClient = {
  /**
   * Retries until there is a usable response. Rejects with the signal's reason as soon as it aborts, and with a
   * {@link MailchimpError} if Mailchimp refuses or the deadline has passed.
   */
  request<T>(request: MailchimpRequest<T>): Promise<T>
  /** The time at Mailchimp, for a request that is about to be sent. */
  now(): Moment
  /** Waits until the earlier of the two clocks shows `second`, but at most `maxS` seconds. */
  waitUntil(second: number, maxS: number, signal: AbortSignal): Promise<void>
  /** Waits for this many seconds. */
  pause(seconds: number, signal: AbortSignal): Promise<void>
  /** A deadline that several requests share. Returns how much is left of `ms`, by default the client's own `retryMs`. */
  deadline(ms: number | undefined): () => number
  readonly pages: PageMemory
  report(event: MailchimpEvent): void
}

const defaultMaxBytes = 8 * 2 ** 20
const defaultTimeoutMs = 125_000
const defaultRetryMs = 600_000

/** Sends requests to Mailchimp's API for one connection: limits, times out, classifies failures and retries. */
export function createMailchimpClient(options: MailchimpClientOptions): MailchimpClient {
  const {
    accessToken,
    flow,
    standing,
    timeoutMs = defaultTimeoutMs,
    retryMs = defaultRetryMs,
    onEvent,
  } = options
  const { nextTurn, fetch = globalThis.fetch, pages = createPageMemories()("") } = options
  const { clock = systemClock, random = Math.random, redaction = createRedaction() } = options
  const mailchimpClock = createMailchimpClock({
    clock,
    marginS: options.clockMarginS ?? 10,
    onDifference: (aheadS) => onEvent?.({ type: "clocks_differ", aheadS }),
  })
  let dc = options.dc

  /** Sends a request and reads the whole response; rejects with what fetch or the time-out threw. */
  const send = (url: string, timeoutMs: number, request: MailchimpRequest<unknown>) => {
    const { signal, maxBytes, inspect, method, body } = request
    const content = body === undefined ? undefined : JSON.stringify(body)
    return withTimeout(
      async (signal): Promise<RawResponse & { receivedMs: number }> => {
        const response = await fetch(url, {
          headers: {
            authorization: `Bearer ${accessToken}`,
            accept: "application/json",
            "accept-encoding": acceptEncoding,
            ...(content !== undefined && { "content-type": "application/json" }),
          },
          ...(method !== undefined && { method }),
          ...(content !== undefined && { body: content }),
          decompress: false,
          // Following a redirect could send the token to another host.
          redirect: "manual",
          signal,
        })
        const receivedMs = clock.monotonicMs()
        const { status, headers } = response
        const bodyOptions = { maxBytes: maxBytes?.() ?? defaultMaxBytes, nextTurn, inspect }
        return { status, headers, receivedMs, body: await readBody(response, bodyOptions) }
      },
      { timeoutMs, signal, clock },
    )
  }

  const attempt = async <T>(
    request: MailchimpRequest<T>,
    subject: Subject,
    patienceMs: number,
    waitLeftMs: () => number | undefined,
    requestedDc: string,
  ) => {
    const { action, signal } = request
    using permit = await takeTurn(flow, subject, { signal, patienceMs, waitLeftMs, clock })
    const startedMs = clock.monotonicMs()
    const sentAt = mailchimpClock.now()
    let bytes = 0
    const report = (kind: MailchimpErrorKind | undefined) =>
      onEvent?.({ type: "response", action, kind, durationMs: clock.monotonicMs() - startedMs, bytes })
    try {
      const url = toUrl(options, requestedDc, request)
      const response = await send(url, Math.min(timeoutMs, request.timeoutMs ?? timeoutMs), request).catch(
        (error: unknown) => {
          signal.throwIfAborted()
          throw toTransportError(error, subject)
        },
      )
      bytes = response.body.length
      if (response.status < 200 || response.status > 299)
        throw toMailchimpError(response, subject, clock.now())
      const { latest } = mailchimpClock.now()
      const value = parse(request, response, { sentAt: { ...sentAt, latest } }, subject)
      // Only now is the response known to be Mailchimp's own: a gateway's `Date` would be by another clock.
      mailchimpClock.observe(response.headers.get("date"), response.receivedMs)
      permit.succeeded()
      standing?.responded()
      report(undefined)
      return value
    } catch (error) {
      if (error instanceof MailchimpError) {
        if (error.kind === "throttled" || error.kind === "blocked") {
          permit.throttled()
          // Also if this request is not retried: other flows must pause, too.
          flow.pause(error.retryAfterMs ?? 0)
        }
        if (error.kind === "timed_out") permit.timedOut()
        report(error.kind)
        request.onFailure?.(error)
      }
      throw error
    }
  }

  /**
   * Judges a failure by more than its one response. Resolves if the account is in another data center than `requestedDc`;
   * otherwise rejects, with a final error only if it is confirmed.
   */
  const judge = async (failure: unknown, requestedDc: string, subject: Subject, signal: AbortSignal) => {
    if (!(failure instanceof MailchimpError) || standing === undefined) throw failure
    const { kind, upstream } = failure
    if (kind === "user_disabled" && standing.saysDisabled())
      throw createMailchimpError("account_disabled", subject, { upstream })
    if (kind !== "unauthorized" && kind !== "wrong_datacenter") throw failure
    // Otherwise another request has found the data center meanwhile.
    if (dc === requestedDc) {
      dc = await standing.locate(signal).catch((cause: unknown) => {
        signal.throwIfAborted()
        if (cause instanceof InvalidToken)
          throw createMailchimpError("token_revoked", subject, { upstream, cause })
        // If the endpoint does not say, nothing is confirmed: the request is retried, and the endpoint read again.
        throw cause instanceof AppError ? failure : cause
      })
    }
    if (dc === requestedDc) throw failure
  }

  /** One attempt, and a second at once if the account has moved: not a third, because two data centers could form a loop. */
  const attemptInDataCenter = async <T>(
    request: MailchimpRequest<T>,
    subject: Subject,
    leftMs: () => number,
    waitLeftMs: () => number | undefined,
  ) => {
    const requestedDc = dc
    try {
      return await attempt(request, subject, leftMs(), waitLeftMs, requestedDc)
    } catch (error) {
      await judge(error, requestedDc, subject, request.signal)
    }
    return attempt(request, subject, leftMs(), waitLeftMs, dc)
  }

  return {
    request: async (request) => {
      const { action, listId, signal, deadlineMs } = request
      const subject = { action, listId, redact: redaction.redactShort }
      redaction.learn(accessToken)
      // The id becomes part of a path. An invalid id may contain anything, so the error does not name it.
      if (listId !== undefined && !isListId(listId)) throw createMailchimpError("not_found", { action })
      const startedMs = clock.monotonicMs()
      // The request's own deadline also bounds the wait for a permit; the client's bounds only retries.
      const ownLeftMs = () =>
        typeof deadlineMs === "number" ? startedMs + deadlineMs - clock.monotonicMs() : deadlineMs?.()
      const leftMs = () => ownLeftMs() ?? startedMs + retryMs - clock.monotonicMs()
      return retry(() => attemptInDataCenter(request, subject, leftMs, ownLeftMs), {
        leftMs: request.method === "POST" ? () => -1 : leftMs,
        isEased: () => request.isEased?.() ?? false,
        signal,
        clock,
        random,
        onRetry: (event) => {
          // All flows of the limiter are throttled together, so none may send a request before this retry.
          if (event.kind === "throttled" || event.kind === "blocked") flow.pause(event.delayMs)
          onEvent?.({ ...event, action })
        },
      })
    },
    now: mailchimpClock.now,
    waitUntil: mailchimpClock.waitUntil,
    pause: (seconds, signal) => clock.sleep(seconds * 1000, signal),
    deadline: (ms = retryMs) => {
      const endsMs = clock.monotonicMs() + ms
      return () => Math.max(0, endsMs - clock.monotonicMs())
    },
    pages,
    report: (event) => onEvent?.(event),
  }
}

function parse<T>(
  request: MailchimpRequest<T>,
  response: RawResponse,
  context: ParseContext,
  subject: Subject,
): T {
  try {
    return request.parse(response.body, context)
  } catch (error) {
    throw toUnusableResponse(response, subject, error)
  }
}

/** Whether an id may become part of a path. */
export function isListId(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,100}$/.test(text)
}

function toUrl(
  { apiUrl, listsPath }: MailchimpClientOptions,
  dc: string,
  { listId, resource, query }: MailchimpRequest<unknown>,
): string {
  if (!isDataCenter(dc))
    throw new AppError(
      "metadata_invalid",
      "Cannot send a request to Mailchimp because its data center is not valid",
    )
  const root = apiUrl.replaceAll("{dc}", dc).replace(/\/+$/, "")
  const lists = listsPath === undefined ? `${root}/lists` : new URL(listsPath, root).href.replace(/\/+$/, "")
  const path = [lists, listId, resource].filter((part) => part !== undefined).join("/")
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query())) {
    if (value !== undefined) parameters.append(name, String(value))
  }
  return `${path}?${parameters}`
}
