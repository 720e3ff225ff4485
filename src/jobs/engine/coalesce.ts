/** Work that runs once at a time. */
export type Coalesced = {
  /** Runs the work, after a run that has begun already: that one may have missed what is new. */
  run(): void
  /** Resolves when the work does not run. */
  idle(): Promise<void>
}

/** @param work must not reject */
export function coalesce(work: () => Promise<void>): Coalesced {
  let running: Promise<void> | undefined
  let isWanted = false
  const repeat = async () => {
    while (isWanted) {
      isWanted = false
      await work()
    }
    running = undefined
  }
  return {
    run: () => {
      isWanted = true
      running ??= repeat()
    },
    idle: async () => running,
  }
}
