import { createSealedCursors } from "../exports/cursor/sealed-cursor.ts"
import { selectionId } from "../exports/selection.ts"
import type { Reader } from "./backlog.ts"
import type { Followed } from "./followed.ts"
import { createPolls } from "./polls.ts"
import { createTail, type Tail, type TailDeps } from "./tail.ts"

/** The tails of this process, one for each connection and selection. */
export type Tails = {
  /**
   * Resolves to a reader of everything after the cursor. The tail ends when all of its readers have left.
   *
   * @throws {AppError} `invalid_cursor` and others if the cursor is not of this connection and selection
   */
  join(followed: Followed, cursor: string, signal: AbortSignal): Promise<Reader>
  /** Deliveries of the connection were stored, so its tails look for them now instead of within a second. */
  wake(connectionId: string): void
}

type Running = { readonly tail: Tail; readonly stop: AbortController; users: number }

export function createTails(
  deps: Omit<TailDeps, "polls"> & { readonly intervalS: number; readonly ratePerSecond: number },
): Tails {
  const byKey = new Map<string, Running>()
  const tailsOf = (connectionId: string) =>
    [...byKey.keys()].filter((key) => key.startsWith(connectionId)).length

  const start = (followed: Followed, key: string): Running => {
    const { connectionId } = followed
    const polls = createPolls({ ...deps, tails: () => tailsOf(connectionId) })
    const tail = createTail(followed, { ...deps, polls })
    const stop = new AbortController()
    const running = { tail, stop, users: 0 }
    byKey.set(key, running)
    void tail.run(stop.signal).finally(() => {
      if (byKey.get(key) === running) byKey.delete(key)
    })
    return running
  }

  return {
    join: async (followed, text, signal) => {
      const selection = selectionId(followed.selection, followed.listIds)
      const cursor = await createSealedCursors(deps.sealer, followed.connectionId).open(text, selection)
      const key = `${followed.connectionId} ${selection}`
      const running = byKey.get(key) ?? start(followed, key)
      running.users += 1
      const leave = () => {
        running.users -= 1
        if (running.users > 0) return
        if (byKey.get(key) === running) byKey.delete(key)
        running.stop.abort(new Error("Nobody follows any more"))
      }
      try {
        const reader = await running.tail.join(cursor, signal)
        return {
          next: reader.next,
          leave: () => {
            reader.leave()
            leave()
          },
        }
      } catch (error) {
        leave()
        throw error
      }
    },
    wake: (connectionId) => {
      for (const [key, { tail }] of byKey) if (key.startsWith(`${connectionId} `)) tail.wake()
    },
  }
}
