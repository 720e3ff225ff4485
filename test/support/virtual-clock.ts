import type { Clock } from "../../src/lib/time.ts"
import type { Fetch } from "../../src/lib/fetch.ts"

type Sleeper = { readonly dueMs: number; wake(): void }

export type VirtualClock = Clock & {
  /** How many sleepers there are now: 0 if no timer was left over. */
  sleepers(): number
  /** Advances the time, waking each sleeper at its moment, and lets everything that this causes happen. */
  advance(ms: number): Promise<void>
  /**
   * Advances the time to each next sleeper until the promise settles. The clock is paused during a watched fetch. Not within
   * `expect(…).rejects`, which lets Bun's event loop wait a second for each turn.
   */
  settle<T>(promise: Promise<T>): Promise<T>
  /** Wraps a fetch that takes real time, so that `settle` waits for it. Its bodies arrive whole. */
  watch(fetch: Fetch): Fetch
}

/** A clock that is paused until a test moves it. */
export function createVirtualClock(startMs = Date.parse("2024-05-01T12:00:00Z")): VirtualClock {
  const sleepers = new Set<Sleeper>()
  let elapsedMs = 0
  let inFlight = 0

  const next = () =>
    [...sleepers].reduce<Sleeper | undefined>(
      (first, sleeper) => (first === undefined || sleeper.dueMs < first.dueMs ? sleeper : first),
      undefined,
    )

  const wake = async (sleeper: Sleeper) => {
    elapsedMs = Math.max(elapsedMs, sleeper.dueMs)
    sleeper.wake()
    await turn()
  }

  return {
    now: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason)
          return
        }
        const leave = () => {
          sleepers.delete(sleeper)
          signal?.removeEventListener("abort", onAbort)
        }
        const onAbort = () => {
          leave()
          reject(signal?.reason)
        }
        const sleeper = {
          dueMs: elapsedMs + ms,
          wake: () => {
            leave()
            resolve()
          },
        }
        sleepers.add(sleeper)
        signal?.addEventListener("abort", onAbort, { once: true })
      }),

    sleepers: () => sleepers.size,

    advance: async (ms) => {
      const untilMs = elapsedMs + ms
      await turn()
      for (let first = next(); first !== undefined && first.dueMs <= untilMs; first = next())
        await wake(first)
      elapsedMs = Math.max(elapsedMs, untilMs)
    },

    settle: async (promise) => {
      let settled = false
      void Promise.allSettled([promise]).finally(() => {
        settled = true
      })
      for (;;) {
        await turn()
        if (settled) return promise
        const first = next()
        if (inFlight === 0 && first !== undefined) await wake(first)
      }
    },

    watch: (fetch) => async (url, init) => {
      inFlight += 1
      try {
        const response = await fetch(url, init)
        const body = await response.bytes()
        return new Response(body, { status: response.status, headers: response.headers })
      } finally {
        inFlight -= 1
      }
    },
  }
}

/** Lets everything happen that is ready to. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
