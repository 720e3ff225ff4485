import { type Clock, systemClock } from "./clock.ts"

/** Aborting without a reason creates an exception with a stack each time, which costs more than the rest of the timer. */
const DISPOSED = "The timer was disposed of"

/** Calls `onElapsed` after `ms`, unless the timer is disposed of before. Disposing leaves nothing behind. */
export function startTimer(ms: number, clock: Clock, onElapsed: () => void): Disposable {
  // Each page needs several timers. Without a promise and a signal, a timer takes a quarter of the time.
  if (clock === systemClock) {
    const timer = setTimeout(onElapsed, ms)
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  }
  const disposal = new AbortController()
  clock.sleep(ms, disposal.signal).then(onElapsed, () => {})
  return { [Symbol.dispose]: () => disposal.abort(DISPOSED) }
}
