import { anySignal, type Clock, startTimer, withTimeout } from "../../lib/time.ts"
import { toFailure, unavailable } from "./s3-failure.ts"

export type RetryOptions = {
  /** For the message: "write". */
  readonly what: string
  /** How long one attempt may take. */
  readonly timeoutMs: number
  /** After this time no further attempt begins. */
  readonly retryMs: number
  readonly signal?: AbortSignal | undefined
}

const firstDelayMs = 200
const longestDelayMs = 5000
/** How long an attempt may continue after the signal has aborted, so that a part that is being sent is not lost. */
const graceMs = 3000

/**
 * Repeats a request to an object store until it succeeds, is refused, or the time is up. When the signal aborts, the attempt
 * that has begun is the last one.
 *
 * @throws AppError `job_files_unavailable`
 */
export function createRetry({ clock, random }: { readonly clock: Clock; readonly random: () => number }) {
  return async <T>(attempt: (signal: AbortSignal) => Promise<T>, options: RetryOptions): Promise<T> => {
    const { what, timeoutMs, retryMs, signal = new AbortController().signal } = options
    const untilMs = clock.monotonicMs() + retryMs
    using late = delayed(signal, graceMs, clock)
    for (let longestMs = firstDelayMs; ; longestMs = Math.min(2 * longestMs, longestDelayMs)) {
      try {
        return await withTimeout(attempt, { timeoutMs, signal: late.signal, clock })
      } catch (error) {
        const failure = toFailure(error)
        // Jitter, because all jobs notice an outage at the same moment.
        const delayMs = longestMs * (0.5 + random() / 2)
        const isOver = signal.aborted || clock.monotonicMs() + delayMs > untilMs
        if (isOver || !failure.isTransient) throw unavailable(what, failure)
        await clock.sleep(delayMs, signal).catch(() => {
          throw unavailable(what, failure)
        })
      }
    }
  }
}

/** A signal that aborts some time after another. Disposing of it leaves no timer and no listener. */
function delayed(
  signal: AbortSignal,
  ms: number,
  clock: Clock,
): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController()
  const first = anySignal(signal)
  let timer: Disposable | undefined
  const onAbort = () => {
    timer = startTimer(ms, clock, () => controller.abort(signal.reason))
  }
  if (first.signal.aborted) onAbort()
  else first.signal.addEventListener("abort", onAbort, { once: true })
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      first[Symbol.dispose]()
      timer?.[Symbol.dispose]()
    },
  }
}
