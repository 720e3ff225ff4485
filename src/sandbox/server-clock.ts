import type { Clock } from "../lib/time.ts"
import type { FaultAction } from "./faults/fault-action.ts"
import type { Settings } from "./settings.ts"

/** The clocks of Mailchimp's servers, which requests and changes read in turn. */
export type ServerClock = {
  /** The time of the next server, in ms; `last_changed` follows it. */
  now(): number
  /** The `Date` of a response; empty for none, because Bun would add a `Date` to a response without one. */
  date(request: Request, fault: FaultAction | undefined): string
}

export function createServerClock(clock: Clock, settings: Settings): ServerClock {
  let turns = 0
  const now = () => {
    const { serverSkewsMs } = settings
    return clock.now() + (serverSkewsMs[turns++ % serverSkewsMs.length] ?? 0)
  }
  return {
    now,
    date(request, fault) {
      const { sendsDate, dateOffsetMs } = settings
      const sentMs = now()
      if (fault?.kind === "date_text") return fault.text
      if (fault?.kind === "date") return new Date(sentMs + fault.offsetMs).toUTCString()
      if (!sendsDate) return ""
      const offsetMs = typeof dateOffsetMs === "number" ? dateOffsetMs : dateOffsetMs(request)
      return new Date(sentMs + offsetMs).toUTCString()
    },
  }
}
