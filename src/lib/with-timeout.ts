import { abortable } from "./abortable.ts"
import type { Clock } from "./clock.ts"
import { startTimer } from "./start-timer.ts"

/** The time was up. Told apart from the caller's own abort, which rejects with his signal's reason. */
export class TimedOut extends Error {
  override readonly name = "TimedOut"
}

/**
 * Runs work that ends when the time is up or when the caller's signal aborts, whichever comes first: the work's own
 * signal aborts then, and the promise rejects at once. Leaves no timer, and no listener on the caller's signal, as
 * `AbortSignal.any` with `AbortSignal.timeout` would until the time is up.
 *
 * @throws {TimedOut} when the time is up
 */
export async function withTimeout<T>(
  work: (signal: AbortSignal) => Promise<T>,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined; readonly clock: Clock },
): Promise<T> {
  const { timeoutMs, signal, clock } = options
  signal?.throwIfAborted()
  const cut = new AbortController()
  const onAbort = () => cut.abort(signal?.reason)
  signal?.addEventListener("abort", onAbort, { once: true })
  using _timer = startTimer(timeoutMs, clock, () =>
    cut.abort(new TimedOut(`Timed out after ${timeoutMs} ms`)),
  )
  try {
    return await abortable(work(cut.signal), cut.signal)
  } finally {
    signal?.removeEventListener("abort", onAbort)
  }
}
