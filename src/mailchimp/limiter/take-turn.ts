import { anySignal, type Clock, startTimer } from "../../lib/time.ts"
import { createMailchimpError, type Subject } from "../errors.ts"
import type { Flow } from "./limiter.ts"
import type { Permit } from "./permits.ts"
import { LimiterPaused } from "./queue.ts"

/** How long a request may wait for its turn. */
export type TurnLimits = {
  /** The longest pause of the whole limiter to wait for. */
  readonly patienceMs: number
  /**
   * How much longer the request may wait for its permit and its token; undefined if without limit, as in mid-export. Called
   * again when the time is up, because an export may have begun to respond meanwhile.
   */
  readonly waitLeftMs: () => number | undefined
}

type Turn = TurnLimits & { readonly signal: AbortSignal; readonly clock: Clock }

/** Aborting without a reason creates an exception with a stack each time. */
const WAITED = "The request waited for too long"
/** A guess: permits come back within seconds, or when a request times out. */
const retryAfterMs = 10_000

/**
 * Waits for the right to one request. Rejects with the signal's reason, and with a MailchimpError if Mailchimp throttles for
 * too long, or if other requests of the same Mailchimp user leave no permit or no token in time.
 */
export async function takeTurn(flow: Flow, subject: Omit<Subject, "redact">, turn: Turn): Promise<Permit> {
  const { signal, patienceMs, waitLeftMs, clock } = turn
  // Most requests are made in mid-export.
  if (waitLeftMs() === undefined)
    return flow.acquire(signal, patienceMs).catch((error: unknown) => {
      throw toThrottled(error, subject)
    })
  const end = new AbortController()
  using either = anySignal(signal, end.signal)
  let timer: Disposable | undefined
  let awaited: ReturnType<Flow["waitingFor"]>

  const bound = () => {
    const leftMs = waitLeftMs()
    if (leftMs !== undefined) timer = startTimer(Math.max(0, leftMs), clock, onElapsed)
  }
  const onElapsed = () => {
    if ((waitLeftMs() ?? Infinity) > 0) return bound()
    awaited = flow.waitingFor()
    end.abort(WAITED)
  }

  try {
    bound()
    return await flow.acquire(either.signal, patienceMs)
  } catch (error) {
    if (error instanceof LimiterPaused || signal.aborted || !end.signal.aborted)
      throw toThrottled(error, subject)
    const kind = awaited === "rate_limit" ? "no_token" : "no_permit"
    throw createMailchimpError(kind, subject, { retryAfterMs })
  } finally {
    timer?.[Symbol.dispose]()
  }
}

/** A pause of the limiter is reported as Mailchimp's throttling; any other error stays as it is. */
function toThrottled(error: unknown, subject: Omit<Subject, "redact">): unknown {
  if (!(error instanceof LimiterPaused)) return error
  return createMailchimpError("throttled", subject, { retryAfterMs: error.pausedMs, cause: error })
}
