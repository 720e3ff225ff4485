import { AppError } from "../errors.ts"
import type { Caller } from "./authenticate.ts"

/** How many exports, or followers, this process and each caller may have. */
export type ConcurrencyLimit = {
  /**
   * Counts one more until the result is disposed of; a second disposal does nothing.
   *
   * @throws AppError `too_many_exports`
   */
  begin(caller: Pick<Caller, "accountId" | "uid">): Disposable
  /** How many run now. */
  running(): number
}

/** Nobody knows when an export ends: this guess keeps a client that obeys Retry-After from polling. */
const retryAfterS = 10

/**
 * Bounds the concurrent exports, because each export that is not read holds a few pages in memory: 400 of them took
 * 1.2 GB. Counted by the token's own account and user, so that sub-accounts do not multiply a caller's share.
 */
export function createConcurrencyLimit(options: {
  readonly max: number
  readonly maxPerCaller: number
}): ConcurrencyLimit {
  const { max, maxPerCaller } = options
  const runningByCaller = new Map<string, number>()
  let running = 0

  const count = (key: string, change: number) => {
    running += change
    const ofCaller = (runningByCaller.get(key) ?? 0) + change
    if (ofCaller === 0) runningByCaller.delete(key)
    else runningByCaller.set(key, ofCaller)
  }

  return {
    running: () => running,
    begin: ({ accountId, uid }) => {
      const key = JSON.stringify([accountId, uid])
      if ((runningByCaller.get(key) ?? 0) >= maxPerCaller) throw tooMany(`this caller runs ${maxPerCaller}`)
      if (running >= max) throw tooMany(`the service runs ${max}`)
      count(key, 1)
      let isRunning = true
      return {
        [Symbol.dispose]: () => {
          if (isRunning) count(key, -1)
          isRunning = false
        },
      }
    },
  }
}

function tooMany(what: string): AppError {
  return new AppError(
    "too_many_exports",
    `Cannot begin an export because ${what} already: finish reading or abort one of them`,
    {
      retryAfterS,
    },
  )
}
