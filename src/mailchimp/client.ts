import { AppError } from "../errors.ts"
import { abortable } from "../lib/abortable.ts"
import { type Clock, systemClock } from "../lib/clock.ts"
import type { Fetch } from "../lib/fetch.ts"
import { acceptEncoding, readBody } from "../lib/read-body.ts"
import { withTimeout } from "../lib/with-timeout.ts"
import { isDataCenter } from "./data-center.ts"
import {
  createMailchimpError,
  MailchimpError,
  type MailchimpErrorKind,
  type RawAnswer,
  type Subject,
  toMailchimpError,
  toTransportError,
} from "./errors.ts"
import { LimiterPaused, type Party } from "./limiter.ts"
import { createMailchimpClock } from "./mailchimp-clock.ts"
import { createPageMemories, type PageMemory } from "./page-memory.ts"
import { retry, type RetryEvent } from "./retry.ts"

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

export type MailchimpClientOptions = {
  readonly accessToken: string
  /** The data center of the account, such as `us19`. */
  readonly dc: string
  /** The API's root, in which `{dc}` stands for the data center: `https://{dc}.api.mailchimp.com/3.0`. */
  readonly apiUrl: string
  /** The path of the lists on the API's host, where it is not `/lists` under its root: `/api/3.0/lists`. */
  readonly listsPath?: string | undefined
  /** Where the permits and tokens for this client's requests come from. */
  readonly party: Party
  /**
   * Finds out where the account is now, when Mailchimp says that it is in another data center. Asked once in a
   * client's life; whoever gives it stores the answer. Without it that is an error.
   */
  readonly onWrongDataCenter?: (() => Promise<string>) | undefined
  /** A little more than the 120 s after which Mailchimp cuts a call. */
  readonly timeoutMs?: number
  /** How long a request is made again, unless it says so itself. Ten minutes if it is left out. */
  readonly retryMs?: number
  /** What the process knows of this connection's pages. Of this client alone if it is left out. */
  readonly pages?: PageMemory
  /** Resolves in a turn of the event loop that is nobody else's: see {@link readBody}. At once where it is left out. */
  readonly nextTurn?: () => Promise<void>
  readonly fetch?: Fetch
  readonly clock?: Clock
  readonly random?: () => number
  readonly onEvent?: (event: MailchimpEvent) => void
}

type ParseContext = {
  /** Mailchimp's clock when this very question was sent, a lower bound: see {@link MailchimpClient.clock}. */
  readonly askedAt: number
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
   * After so long no other attempt begins. A function is asked again after each failure, and tells how long that is
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
  /** A lower bound of Mailchimp's clock, whole seconds since the epoch; -Infinity before the first good answer. */
  clock(): number
  /** Waits until that clock has reached a second. */
  waitUntil(second: number, signal: AbortSignal): Promise<void>
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
  const { accessToken, party, timeoutMs = defaultTimeoutMs, retryMs = defaultRetryMs, onEvent } = options
  const { nextTurn, fetch = globalThis.fetch, pages = createPageMemories()("") } = options
  const { clock = systemClock, random = Math.random } = options
  const mailchimpClock = createMailchimpClock(clock)
  let dc = options.dc
  let moved: Promise<string> | undefined

  /** Sends the question and reads the answer whole; rejects with what fetch or the time-out threw. */
  const ask = (url: string, timeoutMs: number, { signal, mostBytes, inspect }: MailchimpRequest<unknown>) =>
    withTimeout(
      async (signal): Promise<RawAnswer & { receivedMs: number }> => {
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

  const attempt = async <T>(request: MailchimpRequest<T>, subject: Subject, patienceMs: number) => {
    const { action, signal } = request
    using permit = await acquire(party, signal, patienceMs, subject)
    const startedMs = clock.monotonicMs()
    const askedAt = mailchimpClock.second()
    let bytes = 0
    const report = (kind: MailchimpErrorKind | undefined) =>
      onEvent?.({ type: "answer", action, kind, durationMs: clock.monotonicMs() - startedMs, bytes })
    try {
      const url = toUrl(options, dc, request)
      const answer = await ask(url, Math.min(timeoutMs, request.timeoutMs ?? timeoutMs), request).catch(
        (error: unknown) => {
          signal.throwIfAborted()
          throw toTransportError(error, subject)
        },
      )
      bytes = answer.body.length
      if (answer.status < 200 || answer.status > 299) throw toMailchimpError(answer, subject, clock.now())
      const value = parse(request, answer.body, { askedAt }, subject)
      // The date of an answer that is not Mailchimp's own would be somebody else's clock.
      mailchimpClock.observe(answer.headers.get("date"), answer.receivedMs)
      permit.succeeded()
      report(undefined)
      return value
    } catch (error) {
      if (error instanceof MailchimpError) {
        if (error.kind === "throttled") {
          permit.throttled()
          // Also where this request is not made again: the others must not ask either.
          party.pause(error.retryAfterMs ?? 0)
        }
        if (error.kind === "timed_out") permit.timedOut()
        report(error.kind)
        request.onFailure?.(error)
      }
      throw error
    }
  }

  /** Finds out where the account has moved to, if that is what failed. Requests under way together look once. */
  const follow = async (error: unknown, signal: AbortSignal) => {
    if (!(error instanceof MailchimpError) || error.kind !== "wrong_datacenter") throw error
    moved ??= options.onWrongDataCenter?.()
    if (moved === undefined) throw error
    dc = await abortable(moved, signal)
  }

  return {
    request: async (request) => {
      const { action, listId, signal, deadlineMs } = request
      const subject = { action, listId, secrets: [accessToken] }
      // The id becomes part of a path. One that cannot be an id may be anything, so the error does not name it.
      if (listId !== undefined && !isListId(listId))
        throw createMailchimpError("not_found", { action, secrets: [] })
      const startedMs = clock.monotonicMs()
      const leftMs = () => {
        const fromNowMs = typeof deadlineMs === "function" ? deadlineMs() : undefined
        const fromStartMs = typeof deadlineMs === "number" ? deadlineMs : retryMs
        return fromNowMs ?? startedMs + fromStartMs - clock.monotonicMs()
      }
      return retry(
        async () => {
          try {
            return await attempt(request, subject, leftMs())
          } catch (error) {
            await follow(error, signal)
            return await attempt(request, subject, leftMs())
          }
        },
        {
          leftMs,
          isEased: () => request.isEased?.() ?? false,
          signal,
          clock,
          random,
          onRetry: (event) => {
            // All who share the limiter are throttled with this one, so none of them asks before it does.
            if (event.kind === "throttled") party.pause(event.delayMs)
            onEvent?.({ ...event, action })
          },
        },
      )
    },
    clock: mailchimpClock.second,
    waitUntil: mailchimpClock.waitUntil,
    deadline: (ms = retryMs) => {
      const endsMs = clock.monotonicMs() + ms
      return () => Math.max(0, endsMs - clock.monotonicMs())
    },
    pages,
    report: (event) => onEvent?.(event),
  }
}

async function acquire(party: Party, signal: AbortSignal, patienceMs: number, subject: Subject) {
  try {
    return await party.acquire(signal, patienceMs)
  } catch (error) {
    if (!(error instanceof LimiterPaused)) throw error
    throw createMailchimpError("throttled", subject, { retryAfterMs: error.pausedMs, cause: error })
  }
}

function parse<T>(
  request: MailchimpRequest<T>,
  body: Uint8Array,
  context: ParseContext,
  subject: Subject,
): T {
  try {
    return request.parse(body, context)
  } catch (error) {
    throw createMailchimpError("unusable_answer", subject, { cause: error })
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
  const url = new URL([lists, listId, resource].filter((part) => part !== undefined).join("/"))
  for (const [name, value] of Object.entries(query())) {
    if (value !== undefined) url.searchParams.set(name, String(value))
  }
  return url.href
}
