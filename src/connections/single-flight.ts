import { abortable } from "../lib/time.ts"

/** A constant, because aborting without a reason creates an exception with a stack each time. */
const LEFT = "No caller is left"

/**
 * Runs the work once for all concurrent callers. A caller whose signal aborts rejects at once with the signal's reason; the
 * work's own signal aborts when the last caller has left. The result is not kept for later callers.
 */
export function createSingleFlight<T>(
  work: (signal: AbortSignal) => Promise<T>,
): (signal: AbortSignal) => Promise<T> {
  type Flight = { readonly result: Promise<T>; readonly end: AbortController; callers: number }
  let flight: Flight | undefined

  const start = () => {
    const end = new AbortController()
    const started: Flight = { result: work(end.signal), end, callers: 0 }
    const forget = () => land(started)
    started.result.then(forget, forget)
    return started
  }

  const land = (landed: Flight) => {
    if (flight === landed) flight = undefined
  }

  return async (signal) => {
    signal.throwIfAborted()
    const joined = (flight ??= start())
    joined.callers += 1
    try {
      return await abortable(joined.result, signal)
    } finally {
      joined.callers -= 1
      if (joined.callers === 0) {
        land(joined)
        joined.end.abort(LEFT)
      }
    }
  }
}
