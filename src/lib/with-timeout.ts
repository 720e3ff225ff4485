import { abortable } from "./abortable.ts"
import type { Clock } from "./clock.ts"
import { startTimer } from "./start-timer.ts"

/** The time was up. An abort by the caller rejects with their signal's reason instead. */
export class TimedOut extends Error {
  override readonly name = "TimedOut"
}

/**
 * Runs work until the time is up or the caller's signal aborts, whichever comes first: then the work's own signal aborts,
 * and the promise rejects at once. Leaves no timer, and no listener on the caller's signal. `AbortSignal.any` with
 * `AbortSignal.timeout` would leave both until the time is up.
 *
 * @throws {TimedOut} when the time is up
 */
export async function withTimeout<T>(
  work: (signal: AbortSignal) => Promise<T>,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined; readonly clock: Clock },
): Promise<T> {
  const { timeoutMs, signal, clock } = options
  signal?.throwIfAborted()
  const controller = new AbortController()
  const onAbort = () => controller.abort(signal?.reason)
  signal?.addEventListener("abort", onAbort, { once: true })
  using _timer = startTimer(timeoutMs, clock, () =>
    controller.abort(new TimedOut(`Timed out after ${timeoutMs} ms`)),
  )
  try {
    return await abortable(work(controller.signal), controller.signal)
  } finally {
    signal?.removeEventListener("abort", onAbort)
  }
}
