import { AppError } from "../errors.ts"
import type { Caller } from "./authenticate.ts"

export type ExportSlots = {
  /**
   * The right to run one export or slice, until it is disposed of; a second disposal does nothing.
   *
   * @throws AppError `too_many_exports`
   */
  take(caller: Pick<Caller, "accountId" | "uid">): Disposable
  /** How many are taken now. */
  taken(): number
}

/** Nobody knows when an export ends: this guess keeps a client that obeys Retry-After from polling. */
const retryAfterS = 10

/**
 * Bounds the concurrent exports, because each export that is not read holds a few pages in memory: 400 of them took
 * 1.2 GB. Counted by the token's own account and user, so that sub-accounts do not multiply a caller's share.
 */
export function createExportSlots(options: {
  readonly max: number
  readonly maxPerCaller: number
}): ExportSlots {
  const { max, maxPerCaller } = options
  const takenByCaller = new Map<string, number>()
  let taken = 0

  const count = (key: string, change: number) => {
    taken += change
    const ofCaller = (takenByCaller.get(key) ?? 0) + change
    if (ofCaller === 0) takenByCaller.delete(key)
    else takenByCaller.set(key, ofCaller)
  }

  return {
    taken: () => taken,
    take: ({ accountId, uid }) => {
      const key = JSON.stringify([accountId, uid])
      if ((takenByCaller.get(key) ?? 0) >= maxPerCaller) throw tooMany(`this caller runs ${maxPerCaller}`)
      if (taken >= max) throw tooMany(`the service runs ${max}`)
      count(key, 1)
      let isTaken = true
      return {
        [Symbol.dispose]: () => {
          if (isTaken) count(key, -1)
          isTaken = false
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
