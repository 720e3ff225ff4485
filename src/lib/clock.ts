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
