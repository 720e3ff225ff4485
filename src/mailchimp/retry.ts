import type { Clock } from "../lib/clock.ts"
import { MailchimpError, type MailchimpErrorKind } from "./errors.ts"

/** An attempt failed and is made again after a pause. */
export type RetryEvent = {
  readonly type: "retry"
  readonly kind: MailchimpErrorKind
  /** The attempt that failed; the first one is 1. */
  readonly attempt: number
  readonly delayMs: number
}

export type RetryOptions = {
  /**
   * For how long from now attempts may still begin. Asked again after each failure, as it may have become more. One
   * that is under way is not cut.
   */
  readonly leftMs: () => number
  readonly signal: AbortSignal
  readonly clock: Clock
  /** From 0 to below 1. */
  readonly random: () => number
  readonly onRetry?: ((event: RetryEvent) => void) | undefined
  /** Whether the next attempt requests less than the one that failed: then the pauses begin anew with a short one. */
  readonly isEased?: (() => boolean) | undefined
}

const firstDelayMs = 500
const longestDelayMs = 30_000
/**
 * Mailchimp may still be working on a call that timed out, and needs a rest after throttling: never at once. Three
 * responses that a user is disabled confirm each other after ten seconds, with no need for more of them.
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
 * Makes attempts until one succeeds, fails for good, or no time is left for another. The pauses grow
 * exponentially, with full jitter, and are never shorter than Mailchimp's Retry-After.
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
      // Mailchimp did not fail with a response that is too large.
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
