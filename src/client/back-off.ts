import type { MailchimpExportError } from "./error.ts"

/** Decides after each failure whether and when to send the next request. */
export type BackOff = {
  /** Something arrived that need not be requested again. */
  progress(): void
  /** How long to wait before a retry; undefined if a retry makes no sense. */
  next(error: MailchimpExportError): number | undefined
}

/** Soon, because a proxy that breaks a transfer every few seconds leaves little time for the next. */
const firstMs = 100
const secondMs = 500
const longestMs = 10_000
/** The caller decides whether to wait longer. */
const longestRetryAfterS = 60

/**
 * Creates a back-off that counts failures since the last progress. A response that begins is no progress: a proxy that
 * breaks every transfer early would otherwise get requests forever.
 */
export function createBackOff(maxRetries: number, random: () => number): BackOff {
  let failures = 0
  return {
    progress: () => {
      failures = 0
    },
    next: ({ retryable, retryAfterS = 0 }) => {
      if (!retryable || retryAfterS > longestRetryAfterS || failures >= maxRetries) return undefined
      const ms = failures === 0 ? firstMs : Math.min(secondMs * 2 ** (failures - 1), longestMs)
      failures += 1
      return Math.max(retryAfterS * 1000, ms * (0.5 + random() / 2))
    },
  }
}
