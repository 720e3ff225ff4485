import type { Clock } from "../../lib/time.ts"
import { faultActionSchema, type FaultAction, type FaultActionInput } from "./fault-action.ts"

/** A planned fault. Without a match it hits the next request; `skip` and `times` count only matching requests. */
type Fault = {
  match?: {
    /** A part of the path, or a pattern for it. */
    path?: string | RegExp
    /** A part of the query such as `status=archived`, or a pattern for it. */
    query?: string | RegExp
    method?: string
    listId?: string
    /** Only requests for more rows than this. */
    countAbove?: number
  }
  action: FaultActionInput
  /** How many matching requests succeed first; 0 by default. */
  skip?: number
  /** How many matching requests fail after that; 1 by default, Infinity for all. */
  times?: number
  /** How long matching requests fail after the first of them has failed; forever by default. */
  forMs?: number
}

/** An added fault: how often it matched and was played, and a method to remove it. */
type FaultHandle = { readonly matched: number; readonly played: number; remove(): void }

export type Faults = {
  add(fault: Fault): FaultHandle
  clear(): void
  /** The current faults, with their counts. */
  list(): { action: FaultAction; matched: number; played: number }[]
  /** Counts the request for every fault that matches it, and returns the first fault that is due. */
  next(request: Request): FaultAction | undefined
}

type Entry = { fault: Fault; action: FaultAction; matched: number; played: number; endsMs: number }

export function createFaults(clock: Pick<Clock, "monotonicMs">): Faults {
  let entries: Entry[] = []
  return {
    add(fault) {
      if (!((fault.times ?? 1) >= 1))
        throw new RangeError(`A fault must be played at least once: ${fault.times}`)
      const entry = {
        fault,
        action: faultActionSchema.parse(fault.action),
        matched: 0,
        played: 0,
        endsMs: Infinity,
      }
      entries.push(entry)
      return {
        get matched() {
          return entry.matched
        },
        get played() {
          return entry.played
        },
        remove: () => {
          entries = entries.filter((other) => other !== entry)
        },
      }
    },
    clear() {
      entries = []
    },
    list: () => entries.map(({ action, matched, played }) => ({ action, matched, played })),
    next(request) {
      const url = new URL(request.url)
      let action: FaultAction | undefined
      for (const entry of entries) {
        if (!matches(entry.fault, request.method, url)) continue
        const { skip = 0, times = 1, forMs = Infinity } = entry.fault
        const index = entry.matched++
        const nowMs = clock.monotonicMs()
        if (action !== undefined || index < skip || entry.played >= times || nowMs > entry.endsMs) continue
        action = entry.action
        if (entry.played === 0) entry.endsMs = nowMs + forMs
        entry.played++
      }
      return action
    },
  }
}

function matches({ match = {} }: Fault, method: string, url: URL): boolean {
  return (
    has(url.pathname, match.path) &&
    has(url.search, match.query) &&
    (match.method === undefined || match.method === method) &&
    (match.listId === undefined || url.pathname.includes(`/lists/${match.listId}`)) &&
    (match.countAbove === undefined || Number(url.searchParams.get("count") ?? 10) > match.countAbove)
  )
}

function has(text: string, part: string | RegExp | undefined): boolean {
  return part === undefined || (typeof part === "string" ? text.includes(part) : part.test(text))
}
