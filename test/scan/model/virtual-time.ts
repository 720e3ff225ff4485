export type VirtualTime = {
  /** Seconds since the epoch, with fractions. */
  now(): number
  /** Runs an action at its time. The action returns whether it settled a promise for which other code may wait. */
  at(time: number, action: () => boolean): void
  sleepUntil(time: number): Promise<void>
  /** Makes `run` reject: an action has found that a promise is broken. */
  fail(error: Error): void
  /** Advances time from one action to the next until the work is done. */
  run<T>(work: Promise<T>): Promise<T>
}

/** Time that advances only when all code waits for it, so that hours take milliseconds. */
export function createVirtualTime(start: number): VirtualTime {
  let now = start
  let failure: Error | undefined
  const actions: { readonly time: number; readonly action: () => boolean }[] = []

  const at: VirtualTime["at"] = (time, action) => {
    let index = actions.length
    // The latest action is first; of two at the same time, the one added later is first.
    while (index > 0 && actions[index - 1]!.time <= time) index -= 1
    actions.splice(index, 0, { time, action })
  }

  return {
    now: () => now,
    at,
    fail: (error) => (failure ??= error),
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
        // First runs everything that can continue without time passing.
        await new Promise<void>((resolve) => setImmediate(resolve))
        if (failure) throw failure
        if (isDone) return work
        for (let hasSettled = false; !hasSettled;) {
          const next = actions.pop()
          if (!next) throw new Error("Cannot advance time because no action is pending")
          now = Math.max(now, next.time)
          hasSettled = next.action()
        }
      }
    },
  }
}
