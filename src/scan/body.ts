import type { Position, WindowPosition } from "./position.ts"
import type { Second } from "./source.ts"
import type { Task, WindowTask } from "./task.ts"

/** The windows of a sweep up to the horizon. They are read in parallel. */
export type Body = {
  /** The windows in progress. */
  windows(): WindowTask[]
  isDone(): boolean
  add(window: WindowTask): void
  /** Removes the window and returns it; undefined if the reading is not a window of the body. */
  remove(task: Task): WindowTask | undefined
  /** Splits the window that contains the second. Returns the windows that this starts; none if it is too late. */
  split(second: Second): WindowTask[]
  positions(): WindowPosition[]
}

export function createBody(
  from: readonly WindowPosition[],
  horizon: Second,
  startReading: (from: Position, until: Second) => WindowTask,
): Body {
  const windows = new Set(from.map(({ until, ...position }) => startReading(position, until)))

  return {
    windows: () => [...windows],
    isDone: () => windows.size === 0,
    add: (window) => void windows.add(window),
    remove: (task) => {
      const window = [...windows].find((window) => window === task)
      if (window) windows.delete(window)
      return window
    },
    split: (second) => {
      for (const { reading } of windows) {
        const until = reading.until() ?? horizon
        if (second <= reading.position().since || second >= Math.min(until, horizon)) continue
        reading.split(second)
        const started = startReading({ since: second }, until)
        // rule: a window started by a split is in the cursor from then on
        windows.add(started)
        return [started]
      }
      return []
    },
    positions: () =>
      Array.from(windows, ({ reading }) => ({ ...reading.position(), until: reading.until() ?? horizon })),
  }
}
