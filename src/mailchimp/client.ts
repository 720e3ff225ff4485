import { AppError } from "../errors.ts"
import { type Clock, systemClock } from "../lib/clock.ts"
import type { Fetch } from "../lib/fetch.ts"
import { createRedaction, type Redaction } from "../lib/redaction.ts"
import { acceptEncoding, readBody } from "../lib/read-body.ts"
import { withTimeout } from "../lib/with-timeout.ts"
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

/** What a client reports, for logs and metrics. Nothing in it is personal. */
export type MailchimpEvent =
  | (RetryEvent & { readonly action: string })
  /** A collection was read to its end, and Mailchimp's count of its items says otherwise. */
  | {
      readonly type: "count_differs"
      readonly action: string
      readonly listId: string | undefined
      readonly items: number
      readonly totalItems: number
    }
  | {
      readonly type: "answer"
      readonly action: string
      /** Undefined for a good answer. */
      readonly kind: MailchimpErrorKind | undefined
      readonly durationMs: number
      readonly bytes: number
    }
  /** Mailchimp's clock and ours differ by more than the margin: one of them is wrong. Once in a client's life. */
  | { readonly type: "clocks_differ"; readonly aheadS: number }

/** What is known of a connection beyond a single response, as any gateway may answer 401 or 403. */
export type Standing = {
  /**
   * Reads the metadata endpoint, and resolves to the data center in which the account is. Rejects with
   * {@link InvalidToken} if the token was revoked, and with another AppError if the endpoint does not say.
   */
  locate(signal: AbortSignal): Promise<string>
  /** Notes a response that the user is disabled. Returns whether enough responses say so to believe it. */
  saysDisabled(): boolean
  /** Notes a good response: the user is not disabled. */
  answered(): void
}

export type MailchimpClientOptions = {
  readonly accessToken: string
  /** The data center of the account, such as `us19`. */
  readonly dc: string
  /** The API's root, in which `{dc}` stands for the data center: `https://{dc}.api.mailchimp.com/3.0`. */
  readonly apiUrl: string
  /** The path of the lists on the API's host, where it is not `/lists` under its root: `/api/3.0/lists`. */
  readonly listsPath?: string | undefined
  /** Where the permits and tokens for this client's requests come from. */
  readonly flow: Flow
  /** How many seconds the clocks may differ before that is reported, and are allowed for where Mailchimp sends no `Date`. */
  readonly clockMarginS?: number
  /** Judges a 401, a wrong data center and a disabled user. Without it they are faults like any other. */
  readonly standing?: Standing | undefined
  /** A little more than the 120 s after which Mailchimp cuts a call. */
  readonly timeoutMs?: number
  /** How long a request is made again, unless it says so itself. Ten minutes if it is left out. */
  readonly retryMs?: number
  /** What the process knows of this connection's pages. Of this client alone if it is left out. */
  readonly pages?: PageMemory
  /** Resolves in a turn of the event loop that is nobody else's: see {@link readBody}. At once where it is left out. */
  readonly nextTurn?: () => Promise<void>
  /** What the errors may not hold. It learns the access token with each request. */
  readonly redaction?: Redaction
  readonly fetch?: Fetch
  readonly clock?: Clock
  readonly random?: () => number
  readonly onEvent?: (event: MailchimpEvent) => void
}

type ParseContext = {
  /** When this very attempt was sent. */
  readonly sentAt: SentAt
}

export type MailchimpRequest<T> = {
  /** Completes "Cannot …" in errors, such as "read the members". */
  readonly action: string
  /** The list that is asked for; none asks for the collection of lists. */
  readonly listId?: string
  /** What is asked for below the list: `members`. */
  readonly resource?: string
  /** The query's parameters, made anew for each attempt, as the size of a page may have changed. */
  query(): Readonly<Record<string, string | number | undefined>>
  /**
   * Makes a value of the whole body. Whatever it throws means that the answer was not what it should be: it is asked
   * for again.
   */
  parse(body: Uint8Array, context: ParseContext): T
  /** Told of each attempt that failed. */
  onFailure?(error: MailchimpError): void
  /** Whether the next attempt requests less than the one that failed: then it is made after a short pause. */
  isEased?(): boolean
  /** The most bytes of a body, as it was sent and as it is inflated. Eight megabytes, unless said otherwise. */
  mostBytes?(): number
  /** Told of the beginning of a large body while it arrives: see {@link readBody}. */
  inspect?(head: Uint8Array): void
  readonly signal: AbortSignal
  /** For each attempt, where the client's own time-out would be too patient. */
  readonly timeoutMs?: number | undefined
  /**
   * After so long no other attempt begins, and one that waits for its permit ends. A function is asked again after each failure, and tells how long that is
   * from then. The client's own `retryMs`, unless said otherwise.
   */
  readonly deadlineMs?: number | (() => number | undefined) | undefined
}

export type MailchimpClient = {
  /**
   * Asks until there is a usable answer. Rejects with the signal's reason at once when it aborts, and with a
   * {@link MailchimpError} when Mailchimp refuses or the deadline has passed.
   */
  request<T>(request: MailchimpRequest<T>): Promise<T>
  /** The time at Mailchimp, for a request about to be sent. */
  now(): Moment
  /** Waits until the earlier of its clocks shows a second, but `mostS` seconds at most. */
  waitUntil(second: number, mostS: number, signal: AbortSignal): Promise<void>
  /** Waits for so many seconds. */
  pause(seconds: number, signal: AbortSignal): Promise<void>
  /** A deadline that several requests share: how much is left of `ms`, or of the client's own `retryMs`. */
  deadline(ms: number | undefined): () => number
  readonly pages: PageMemory
  report(event: MailchimpEvent): void
}

const defaultMostBytes = 8 * 2 ** 20
const defaultTimeoutMs = 125_000
const defaultRetryMs = 600_000

/** Asks Mailchimp's API for one connection: limits, times out, judges and asks again. */
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

  /** Sends the question and reads the answer whole; rejects with what fetch or the time-out threw. */
  const ask = (url: string, timeoutMs: number, { signal, mostBytes, inspect }: MailchimpRequest<unknown>) =>
    withTimeout(
      async (signal): Promise<RawResponse & { receivedMs: number }> => {
        const response = await fetch(url, {
          headers: {
            authorization: `Bearer ${accessToken}`,
            accept: "application/json",
            "accept-encoding": acceptEncoding,
          },
          decompress: false,
          // Followed, a redirect could take the token to another host.
          redirect: "manual",
          signal,
        })
        const receivedMs = clock.monotonicMs()
        const { status, headers } = response
        const bodyOptions = { mostBytes: mostBytes?.() ?? defaultMostBytes, nextTurn, inspect }
        return { status, headers, receivedMs, body: await readBody(response, bodyOptions) }
      },
      { timeoutMs, signal, clock },
    )

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
      onEvent?.({ type: "answer", action, kind, durationMs: clock.monotonicMs() - startedMs, bytes })
    try {
      const url = toUrl(options, requestedDc, request)
      const response = await ask(url, Math.min(timeoutMs, request.timeoutMs ?? timeoutMs), request).catch(
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
      // The date of an answer that is not Mailchimp's own would be somebody else's clock.
      mailchimpClock.observe(response.headers.get("date"), response.receivedMs)
      permit.succeeded()
      standing?.answered()
      report(undefined)
      return value
    } catch (error) {
      if (error instanceof MailchimpError) {
        if (error.kind === "throttled" || error.kind === "blocked") {
          permit.throttled()
          // Also where this request is not made again: the others must not ask either.
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
   * Judges a failure by more than the one response. Resolves if the account is in another data center than the one that
   * was asked; else rejects, with a final error only if that is confirmed.
   */
  const judge = async (failure: unknown, requestedDc: string, subject: Subject, signal: AbortSignal) => {
    if (!(failure instanceof MailchimpError) || standing === undefined) throw failure
    const { kind, upstream } = failure
    if (kind === "user_disabled" && standing.saysDisabled())
      throw createMailchimpError("account_disabled", subject, { upstream })
    if (kind !== "unauthorized" && kind !== "wrong_datacenter") throw failure
    // Another request may have found it meanwhile.
    if (dc === requestedDc) {
      dc = await standing.locate(signal).catch((cause: unknown) => {
        signal.throwIfAborted()
        if (cause instanceof InvalidToken)
          throw createMailchimpError("token_revoked", subject, { upstream, cause })
        // An endpoint that does not say is no verdict: the request is retried, and the endpoint read again.
        throw cause instanceof AppError ? failure : cause
      })
    }
    if (dc === requestedDc) throw failure
  }

  /** One attempt, and a second one at once if the account has moved: only one, so that no two data centers make a loop. */
  const attemptWhereItIs = async <T>(
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
      // The id becomes part of a path. One that cannot be an id may be anything, so the error does not name it.
      if (listId !== undefined && !isListId(listId)) throw createMailchimpError("not_found", { action })
      const startedMs = clock.monotonicMs()
      // The request's own deadline bounds the wait for a permit, too; the client's own bounds retries alone.
      const ownLeftMs = () =>
        typeof deadlineMs === "number" ? startedMs + deadlineMs - clock.monotonicMs() : deadlineMs?.()
      const leftMs = () => ownLeftMs() ?? startedMs + retryMs - clock.monotonicMs()
      return retry(() => attemptWhereItIs(request, subject, leftMs, ownLeftMs), {
        leftMs,
        isEased: () => request.isEased?.() ?? false,
        signal,
        clock,
        random,
        onRetry: (event) => {
          // All who share the limiter are throttled with this one, so none of them asks before it does.
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
    throw new AppError("metadata_invalid", "Cannot ask Mailchimp as the data center is not one")
  const root = apiUrl.replaceAll("{dc}", dc).replace(/\/+$/, "")
  const lists = listsPath === undefined ? `${root}/lists` : new URL(listsPath, root).href.replace(/\/+$/, "")
  const path = [lists, listId, resource].filter((part) => part !== undefined).join("/")
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query())) {
    if (value !== undefined) parameters.append(name, String(value))
  }
  return `${path}?${parameters}`
}
