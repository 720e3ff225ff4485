/** Time as an argument, so that a test advances it instead of sleeping. */
export type Clock = {
  /** Milliseconds since the epoch, as people date things. It may jump. */
  now(): number
  /** Milliseconds from some fixed moment, for spans of time. It never goes back. */
  monotonicMs(): number
  /** Resolves after `ms`; rejects with the signal's reason, at once, when it aborts. Leaves no timer or listener behind. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** The clock of the machine. */
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
