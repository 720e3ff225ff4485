import type { Fetch } from "../lib/fetch.ts"
import { createRedaction, type Redaction } from "../lib/redaction.ts"
import { anySignal, type Clock, systemClock } from "../lib/time.ts"
import { type AddressOptions, createAddress, isListId } from "./address.ts"
import { createAttempt, type MailchimpRequest, type ResponseEvent } from "./attempt.ts"
import { createMailchimpError, type Subject } from "./errors.ts"
import type { Flow } from "./limiter/limiter.ts"
import type { TurnLimits } from "./limiter/take-turn.ts"
import { createMailchimpClock, type Moment } from "./mailchimp-clock.ts"
import { createPageHistories, type PageHistory } from "./members/page-history.ts"
import { retry, type RetryEvent } from "./retry.ts"
import { requireMoved, type Standing } from "./standing.ts"
import { createTransport } from "./transport.ts"

/** What a client reports for logs and metrics. It contains no personal data. */
export type MailchimpEvent =
  | (RetryEvent & { readonly action: string })
  | ResponseEvent
  /** A collection was read to its end, and Mailchimp's count of its items differs. */
  | {
      readonly type: "count_differs"
      readonly action: string
      readonly listId: string | undefined
      readonly items: number
      readonly totalItems: number
    }
  /** Mailchimp's clock and ours differ by more than the margin: one of them is wrong. Reported once per client. */
  | { readonly type: "clocks_differ"; readonly aheadS: number }

export type MailchimpClientOptions = AddressOptions & {
  readonly accessToken: string
  /** Where the permits and tokens for this client's requests come from. */
  readonly flow: Flow
  /** Aborts everything that the client does, e.g. when the connection is deleted. */
  readonly signal?: AbortSignal
  /** By how many seconds the clocks may differ before it is reported, and may be assumed to if Mailchimp sends no `Date`. */
  readonly clockMarginS?: number
  /** Confirms a 401, a wrong data center and a disabled user. Without it they are faults like any other. */
  readonly standing?: Standing | undefined
  /** By default a little more than the 120 s after which Mailchimp itself ends a call. */
  readonly timeoutMs?: number
  /** How long a request without a deadline of its own is retried. Ten minutes by default. */
  readonly retryMs?: number
  /** What the process knows about this connection's pages. By default only this client uses it. */
  readonly pages?: PageHistory
  /** Resolves in a turn of the event loop that no other body has: see {@link readBody}. At once by default. */
  readonly nextTurn?: () => Promise<void>
  /** Masks secrets in errors. It learns the access token with each request. */
  readonly redaction?: Redaction
  readonly fetch?: Fetch
  readonly clock?: Clock
  readonly random?: () => number
  readonly onEvent?: (event: MailchimpEvent) => void
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
  readonly pages: PageHistory
  report(event: MailchimpEvent): void
}

const defaultTimeoutMs = 125_000
const defaultRetryMs = 600_000

/** Sends requests to Mailchimp's API for one connection: limits, times out, classifies failures and retries. */
export function createMailchimpClient(options: MailchimpClientOptions): MailchimpClient {
  const { accessToken, flow, standing, retryMs = defaultRetryMs, timeoutMs = defaultTimeoutMs } = options
  const { fetch = globalThis.fetch, clock = systemClock, random = Math.random, nextTurn } = options
  const { redaction = createRedaction(), pages = createPageHistories()(""), onEvent = () => {} } = options
  const address = createAddress(options)
  const mailchimpClock = createMailchimpClock({
    clock,
    marginS: options.clockMarginS ?? 10,
    onDifference: (aheadS) => onEvent({ type: "clocks_differ", aheadS }),
  })
  const attempt = createAttempt({
    accessToken,
    transport: createTransport({ fetch, clock, nextTurn }),
    address,
    flow,
    mailchimpClock,
    clock,
    timeoutMs,
    onSuccess: () => standing?.responded(),
    onEvent,
  })

  /** Does work until the signal or the client's own aborts. */
  const untilAborted = async <T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>) => {
    if (options.signal === undefined) return work(signal)
    using either = anySignal(signal, options.signal)
    return await work(either.signal)
  }

  /** One attempt, and a second at once if the account has moved: not a third, because two data centers could form a loop. */
  const attemptWhereItIs = async <T>(
    request: MailchimpRequest<T>,
    subject: Subject,
    limits: () => TurnLimits,
  ) => {
    const dc = address.dc()
    try {
      return await attempt(request, subject, dc, limits())
    } catch (error) {
      await requireMoved(error, dc, { standing, address, subject, signal: request.signal })
    }
    return attempt(request, subject, address.dc(), limits())
  }

  const requestUntil = async <T>(request: MailchimpRequest<T>): Promise<T> => {
    const { action, listId, signal, deadlineMs } = request
    // Also when a text is redacted, because a request may take longer than an unused token is remembered.
    const redact = (text: string) => {
      redaction.learn(accessToken)
      return redaction.redactShort(text)
    }
    redaction.learn(accessToken)
    const subject = { action, listId, redact }
    // The id becomes part of a path. An invalid id may contain anything, so the error does not name it.
    if (listId !== undefined && !isListId(listId)) throw createMailchimpError("not_found", { action })
    const startedMs = clock.monotonicMs()
    // The request's own deadline also bounds the wait for a permit; the client's bounds only retries.
    const waitLeftMs = () =>
      typeof deadlineMs === "number" ? startedMs + deadlineMs - clock.monotonicMs() : deadlineMs?.()
    const leftMs = () => waitLeftMs() ?? startedMs + retryMs - clock.monotonicMs()
    const limits = () => ({ patienceMs: leftMs(), waitLeftMs })
    return retry(() => attemptWhereItIs(request, subject, limits), {
      leftMs: request.method === "POST" ? () => -1 : leftMs,
      isEased: () => request.isEased?.() ?? false,
      signal,
      clock,
      random,
      onRetry: (event) => {
        // All flows of the limiter are throttled together, so none may send a request before this retry.
        if (event.kind === "throttled" || event.kind === "blocked") flow.pause(event.delayMs)
        onEvent({ ...event, action })
      },
    })
  }

  return {
    request: (request) => untilAborted(request.signal, (signal) => requestUntil({ ...request, signal })),
    now: mailchimpClock.now,
    waitUntil: (second, maxS, signal) =>
      untilAborted(signal, (signal) => mailchimpClock.waitUntil(second, maxS, signal)),
    pause: (seconds, signal) => untilAborted(signal, (signal) => clock.sleep(seconds * 1000, signal)),
    deadline: (ms = retryMs) => {
      const endsMs = clock.monotonicMs() + ms
      return () => Math.max(0, endsMs - clock.monotonicMs())
    },
    pages,
    report: onEvent,
  }
}
