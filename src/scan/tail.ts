import type { Position } from "./position.ts"
import type { Second } from "./source.ts"
import type { WindowTask } from "./task.ts"

/** The last reading of a sweep: from the horizon on, or from the beginning if the sweep has no body. It may be repeated. */
export type Tail = {
  /** The reading in progress. */
  task(): WindowTask | undefined
  /** Where the reading is, or where it begins. Undefined if the sweep has no tail. */
  position(): Position | undefined
  start(): WindowTask | undefined
  /** Ends the reading; the next one begins at this second. */
  moveTo(since: Second): void
}

export function createTail(from: Position | undefined, startReading: (from: Position) => WindowTask): Tail {
  let position = from
  let task: WindowTask | undefined

  return {
    task: () => task,
    position: () => task?.reading.position() ?? position,
    start: () => {
      if (position) task = startReading(position)
      return task
    },
    moveTo: (since) => {
      task = undefined
      position = { since }
    },
  }
}
