import { type Clock, startTimer } from "../../../lib/time.ts"
import type { JobEvent } from "../../job-event.ts"

const everyMs = 10_000
const missingAfterMs = 60_000

/** Reports once if no process that runs jobs was seen for a minute, and once when there is one again. */
export function watchWorkers(deps: {
  readonly countWorkers: () => Promise<number>
  readonly clock: Clock
  readonly onEvent: (event: JobEvent) => void
}): Disposable {
  const { countWorkers, clock, onEvent } = deps
  let seenMs = clock.monotonicMs()
  let isMissing = false
  let isOver = false
  let timer: Disposable | undefined

  const look = async () => {
    try {
      const workers = await countWorkers()
      if (workers > 0) {
        seenMs = clock.monotonicMs()
        if (isMissing) onEvent({ type: "job_workers_seen" })
        isMissing = false
      } else if (!isMissing && clock.monotonicMs() - seenMs >= missingAfterMs) {
        onEvent({ type: "job_workers_missing" })
        isMissing = true
      }
    } catch {
      // Redis is down, so nothing is known.
    }
    if (!isOver) timer = startTimer(everyMs, clock, () => void look())
  }

  void look()
  return {
    [Symbol.dispose]: () => {
      isOver = true
      timer?.[Symbol.dispose]()
    },
  }
}
