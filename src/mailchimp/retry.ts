import type { Clock } from "../lib/time.ts"
import { MailchimpError, type MailchimpErrorKind } from "./errors.ts"

/** An attempt failed and is retried after a pause. */
export type RetryEvent = {
  readonly type: "retry"
  readonly kind: MailchimpErrorKind
  /** The attempt that failed; the first one is 1. */
  readonly attempt: number
  readonly delayMs: number
}

export type RetryOptions = {
  /**
   * How long from now attempts may still begin. Called after each failure, because the deadline may have been extended. An
   * attempt in progress is not aborted.
   */
  readonly leftMs: () => number
  readonly signal: AbortSignal
  readonly clock: Clock
  /** At least 0, less than 1. */
  readonly random: () => number
  readonly onRetry?: ((event: RetryEvent) => void) | undefined
  /** Whether the next attempt requests less than the failed one: then the pauses start from a short one again. */
  readonly isEased?: (() => boolean) | undefined
}

const firstDelayMs = 500
const longestDelayMs = 30_000
/**
 * After a time-out Mailchimp may still be working on the request, and after throttling it needs a rest: neither is retried at
 * once. Three responses that a user is disabled, over ten seconds, confirm each other, so more are not needed.
 */
const shortestPausesMs: Partial<Record<MailchimpErrorKind, number>> = {
  timed_out: 1000,
  throttled: 1000,
  blocked: 1000,
  no_permit: 1000,
  no_token: 1000,
  user_disabled: 5050,
}

/**
 * Makes attempts until an attempt succeeds, fails for good, or no time is left for another. The pauses grow exponentially,
 * with full jitter, and are never shorter than Mailchimp's Retry-After.
 *
 * Rejects with the last error, or with the signal's reason.
 */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { leftMs, signal, clock, random, onRetry, isEased = () => false } = options
  let paused = 0

  for (let made = 1; ; made += 1) {
    try {
      return await attempt()
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof MailchimpError) || !error.retryable) throw error
      paused = isEased() ? 1 : paused + 1
      // A response that is too large is no failure of Mailchimp's, so it needs no rest.
      const delayMs = error.kind === "too_large" && isEased() ? 0 : delayAfter(error, paused, random)
      if (delayMs > leftMs()) throw error
      onRetry?.({ type: "retry", kind: error.kind, attempt: made, delayMs })
      await clock.sleep(delayMs, signal)
    }
  }
}

function delayAfter(error: MailchimpError, made: number, random: () => number): number {
  const jittered = random() * Math.min(longestDelayMs, firstDelayMs * 2 ** (made - 1))
  return Math.round(Math.max(jittered, shortestPausesMs[error.kind] ?? 0, error.retryAfterMs ?? 0))
}
