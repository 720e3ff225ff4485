import type { EventOf } from "../observe.ts"
import { problemCodeOf } from "../problem-code.ts"
import type { Instruments } from "./instruments.ts"

const lagBuckets = [1, 2, 5, 10, 30, 60, 300]

/** What following does; how many followers there are is read for each scrape: see `createGauges`. */
export function createFollowMetrics({ counter, histogram }: Instruments) {
  const passes = counter("follow_passes_total", "Times that lists were read for followers")
  const rows = counter("follow_rows_total", "Members that changed, as passes read them")
  const deleted = counter(
    "follow_deletions_total",
    "Members that passes found deleted or under a new address",
  )
  const lag = histogram("follow_lag_seconds", "From the arrival of a delivery to its rows", {
    buckets: lagBuckets,
  })
  const ended = counter(
    "followers_ended_total",
    "Followers that ended, by the code of the problem, or `left`",
    ["code"],
  )
  return (event: EventOf<"follow_pass" | "follower_ended">) => {
    if (event.type === "follower_ended")
      return ended.inc({ code: event.error === undefined ? "left" : problemCodeOf(event.error) })
    passes.inc()
    rows.inc(event.rows)
    deleted.inc(event.deleted)
    if (event.lagMs !== undefined) lag.observe(event.lagMs / 1000)
  }
}
