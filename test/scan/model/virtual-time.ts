export type VirtualTime = {
  /** Seconds since the epoch, with fractions. */
  now(): number
  /** Runs an action at its time. It says whether it settled a promise, for which others may have waited. */
  at(time: number, action: () => boolean): void
  sleepUntil(time: number): Promise<void>
  /** Lets time pass, from one action to the next, until the work is done. */
  run<T>(work: Promise<T>): Promise<T>
}

/** Time that passes only while everyone waits for it, so that hours take milliseconds. */
export function createVirtualTime(start: number): VirtualTime {
  let now = start
  const actions: { readonly time: number; readonly action: () => boolean }[] = []

  const at: VirtualTime["at"] = (time, action) => {
    let index = actions.length
    // The latest comes first, and of two at one time the one that was asked for later.
    while (index > 0 && actions[index - 1]!.time <= time) index -= 1
    actions.splice(index, 0, { time, action })
  }

  return {
    now: () => now,
    at,
    sleepUntil: (time) =>
      new Promise((resolve) => {
        at(time, () => {
          resolve()
          return true
        })
      }),
    run: async (work) => {
      let isDone = false
      work.catch(() => {}).finally(() => (isDone = true))
      for (;;) {
        // All that can go on without time passing goes on first.
        await new Promise<void>((resolve) => setImmediate(resolve))
        if (isDone) return work
        for (let hasSettled = false; !hasSettled;) {
          const next = actions.pop()
          if (!next) throw new Error("Everyone waits, for nothing")
          now = Math.max(now, next.time)
          hasSettled = next.action()
        }
      }
    },
  }
}
