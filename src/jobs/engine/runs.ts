import type { RunJob } from "./engine.ts"

/** The runs of jobs that this process has begun and not ended. */
export type Runs = {
  /** Runs the job, which must not be running here. Settles when the run has ended, as the run does. */
  start(id: string): Promise<void>
  has(id: string): boolean
  count(): number
  /** Aborts the run of the job, if there is one, and resolves when it has ended. */
  stop(id: string, reason: Error): Promise<void>
  stopAll(reason: Error): Promise<void>
}

export function createRuns(run: RunJob): Runs {
  const running = new Map<string, { readonly end: AbortController; readonly ended: Promise<void> }>()

  const stop = async (id: string, reason: Error) => {
    const found = running.get(id)
    found?.end.abort(reason)
    await found?.ended
  }

  return {
    start: (id) => {
      const end = new AbortController()
      const result = run(id, end.signal).finally(() => running.delete(id))
      const ended = result.catch(() => {})
      running.set(id, { end, ended })
      return result
    },
    has: (id) => running.has(id),
    count: () => running.size,
    stop,
    stopAll: async (reason) => {
      await Promise.all([...running.keys()].map((id) => stop(id, reason)))
    },
  }
}
