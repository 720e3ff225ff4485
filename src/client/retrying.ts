import { createBackOff } from "./back-off.ts"
import { MailchimpExportError } from "./error.ts"
import { networkError } from "./request.ts"
import { sleep } from "./sleep.ts"

const maxRetries = 8

/**
 * Repeats an attempt that fails in passing, until it resolves.
 *
 * @param attempt calls `progress` when it has received something new: the pauses begin anew then
 * @throws {MailchimpExportError} if a retry makes no sense, or if retries bring nothing new
 */
export async function retrying<T>(
  attempt: (progress: () => void) => Promise<T>,
  signal: AbortSignal = new AbortController().signal,
): Promise<T> {
  const backOff = createBackOff(maxRetries, Math.random)
  for (;;) {
    try {
      return await attempt(backOff.progress)
    } catch (cause) {
      signal.throwIfAborted()
      const error = cause instanceof MailchimpExportError ? cause : networkError("The transfer broke", cause)
      const ms = backOff.next(error)
      if (ms === undefined) throw error
      await sleep(ms, signal)
    }
  }
}
