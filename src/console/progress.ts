import type { EventLine, WaitingFor } from "../client/types.ts"

/** The rate is that of the last seconds, because a pause at the beginning says nothing about the rest. */
const rateWindowMs = 5000

type ListProgress = { readonly id: string; readonly name: string; estimate: number; rows: number }

/** How far an export is, across all of its responses. */
export type Progress = {
  readonly rows: number
  readonly estimate: number
  readonly lists: readonly ListProgress[]
  readonly waitingFor: WaitingFor | undefined
  note(line: EventLine): void
  /** @param listId undefined if the rows do not tell, and there is more than one list */
  add(rows: number, listId: string | undefined): void
  ratePerSecond(): number
  /** Undefined if nobody can tell. */
  secondsLeft(): number | undefined
}

/** @param expected about how many rows there are, if the export itself does not tell; 0 if nobody can tell */
export function createProgress(now: () => number, expected = 0): Progress {
  const lists = new Map<string, ListProgress>()
  let marks = [{ ms: now(), rows: 0 }]
  let rows = 0
  let waitingFor: WaitingFor | undefined

  const estimate = () =>
    lists.size === 0 ? expected : lists.values().reduce((sum, list) => sum + list.estimate, 0)
  const ratePerSecond = () => {
    const nowMs = now()
    const first = marks.findLast(({ ms }) => ms <= nowMs - rateWindowMs) ?? marks[0]
    marks = marks.filter(({ ms }) => ms >= (first?.ms ?? 0))
    marks.push({ ms: nowMs, rows })
    const seconds = (nowMs - (first?.ms ?? nowMs)) / 1000
    return seconds > 0 ? (rows - (first?.rows ?? 0)) / seconds : 0
  }

  return {
    get rows() {
      return rows
    },
    get estimate() {
      return estimate()
    },
    get lists() {
      return [...lists.values()]
    },
    get waitingFor() {
      return waitingFor
    },
    note: (line) => {
      waitingFor = line.$export === "progress" ? line.waiting_for : undefined
      // Rows that were counted by samples are replaced by the exact ones, unless those are of the last of several responses.
      if (line.$export === "end" && line.rows === rows)
        for (const { id, rows } of line.lists) {
          const list = lists.get(id)
          if (list) list.rows = rows
        }
      if (line.$export !== "start") return
      // A response that resumes begins again, with the lists that are left.
      for (const { id, name = id, estimate = 0 } of line.lists)
        if (!lists.has(id)) lists.set(id, { id, name, estimate, rows: 0 })
    },
    add: (added, listId) => {
      rows += added
      const only = lists.size === 1 ? lists.values().next().value : undefined
      const list = only ?? lists.get(listId ?? "")
      if (list) list.rows += added
    },
    ratePerSecond,
    secondsLeft: () => {
      const rate = ratePerSecond()
      return rate > 0 && estimate() > rows ? (estimate() - rows) / rate : undefined
    },
  }
}
