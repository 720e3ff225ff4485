import type { Clock } from "../lib/time.ts"

/** Two requests read a list: one for live members and one for archived members. */
const requestsPerList = 2
/** Polls may use this share of the account's rate. */
const share = 1 / 4
/** What polls did not use in this time, they may use at once. */
const savedS = 20

/** Decides when lists are read although no delivery names them. */
export type Polls = {
  /** The lists to read now, the one that was read longest ago first: no more than the rate allows. */
  due(listIds: readonly string[]): string[]
  /** A list was read, for whatever reason. */
  read(listId: string): void
  /** A list is gone. */
  forget(listId: string): void
  /** How often a list is read, in seconds: longer than `intervalS` if there are many lists. */
  intervalS(lists: number): number
}

/** @param options.tails how many tails share the rate now */
export function createPolls(options: {
  readonly intervalS: number
  readonly ratePerSecond: number
  readonly tails: () => number
  readonly clock: Pick<Clock, "monotonicMs">
}): Polls {
  const { clock, tails } = options
  const readAtMs = new Map<string, number>()
  const listsPerSecond = () => (options.ratePerSecond * share) / requestsPerList / Math.max(1, tails())
  const mostSaved = () => Math.max(1, savedS * listsPerSecond())
  let saved = mostSaved()
  let savedAtMs = clock.monotonicMs()

  return {
    due: (listIds) => {
      const nowMs = clock.monotonicMs()
      saved = Math.min(mostSaved(), saved + (listsPerSecond() * (nowMs - savedAtMs)) / 1000)
      savedAtMs = nowMs
      const ageOf = (id: string) => nowMs - (readAtMs.get(id) ?? -Infinity)
      const due = listIds
        .filter((id) => ageOf(id) >= options.intervalS * 1000)
        .toSorted((a, b) => (readAtMs.get(a) ?? -Infinity) - (readAtMs.get(b) ?? -Infinity) || 0)
        .slice(0, Math.floor(saved))
      saved -= due.length
      return due
    },
    read: (listId) => void readAtMs.set(listId, clock.monotonicMs()),
    forget: (listId) => void readAtMs.delete(listId),
    intervalS: (lists) => Math.ceil(Math.max(options.intervalS, lists / listsPerSecond())),
  }
}
