/** Time as an argument, so that a test can advance it instead of sleeping. */
export type Clock = {
  /** Wall-clock time in milliseconds since the epoch. It may jump. */
  now(): number
  /** Milliseconds since some fixed moment, for measuring durations. It never goes back. */
  monotonicMs(): number
  /** Resolves after `ms`. Rejects with the signal's reason as soon as it aborts. Leaves no timer and no listener. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const onAbort = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort)
        resolve()
      }, ms)
      signal?.addEventListener("abort", onAbort, { once: true })
    }),
}

/** Aborting without a reason creates an exception with a stack each time, which costs more than the rest of the timer. */
const DISPOSED = "The timer was disposed of"

/** Calls `onElapsed` after `ms`, unless the timer is disposed of before. Disposing leaves nothing behind. */
export function startTimer(ms: number, clock: Clock, onElapsed: () => void): Disposable {
  // Each page needs several timers. Without a promise and a signal, a timer takes a quarter of the time.
  if (clock === systemClock) return setTimeout(onElapsed, ms)
  const disposal = new AbortController()
  clock.sleep(ms, disposal.signal).then(onElapsed, () => {})
  return { [Symbol.dispose]: () => disposal.abort(DISPOSED) }
}

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

/** The value of a promise if it settles within `ms`, otherwise undefined. The promise is not aborted; no timer is left. */
export async function within<T>(promise: Promise<T>, ms: number, clock: Clock): Promise<T | undefined> {
  const { promise: elapsed, resolve } = Promise.withResolvers<undefined>()
  using _timer = startTimer(ms, clock, () => resolve(undefined))
  return await Promise.race([promise, elapsed])
}

/**
 * Waits for a promise until the signal aborts. Then it rejects with the signal's reason at once, even if the promise never
 * settles. Leaves no listener on the signal.
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    else signal.addEventListener("abort", onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort))
  })
}

/**
 * A signal that aborts when the first of the given signals does, with the same reason, or when `abort` is called. Disposing of it removes its
 * listeners. A signal from `AbortSignal.any` has no such way: long-lived signals keep it.
 */
export function anySignal(
  ...signals: readonly AbortSignal[]
): Disposable & { readonly signal: AbortSignal; abort(reason: unknown): void } {
  const controller = new AbortController()
  const leave = () => {
    for (const signal of signals) signal.removeEventListener("abort", onAbort)
  }
  const onAbort = () => {
    leave()
    controller.abort(signals.find(({ aborted }) => aborted)?.reason)
  }
  for (const signal of signals) signal.addEventListener("abort", onAbort, { once: true })
  if (signals.some(({ aborted }) => aborted)) onAbort()
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    [Symbol.dispose]: leave,
  }
}

/**
 * Shares the event loop fairly: each call resolves in a turn that no other call of the same `createTurns()` has, first come,
 * first served. Otherwise all pages that arrive in one turn are processed back to back in the next, blocking everything else:
 * with a hundred exports, a hundred pages in a row.
 */
export function createTurns(): () => Promise<void> {
  let last = Promise.resolve()
  return () => (last = last.then(() => new Promise((resolve) => setImmediate(resolve))))
}
