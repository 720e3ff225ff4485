import type { Clock } from "../lib/time.ts"
import { endTimes } from "./end-times.ts"
import type { Job, JobEnd, JobProgress, JobStore } from "./job.ts"

/** The job was canceled or deleted, or a newer run of it has begun: this run must stop, and what it wrote does not count. */
export class Superseded extends Error {
  override readonly name = "Superseded"
}

/** What a run has recorded of its job. Writing throws {@link Superseded}. */
export type JobRecord = {
  progress(): JobProgress
  /** What the next write records, too. */
  note(changes: Pick<JobProgress, "estimate" | "columns">): void
  /** Records what was written until a checkpoint. */
  save(changes: Pick<JobProgress, "cursor" | "parts">): Promise<void>
  /** Records the end; without changes, what was recorded last stays. */
  end(end: JobEnd, changes?: Pick<JobProgress, "cursor" | "parts">): Promise<void>
  /** How long ago the progress was recorded. */
  sinceSavedMs(): number
}

export function createRecord(
  job: Job,
  options: {
    readonly jobs: Pick<JobStore, "save" | "end">
    readonly retentionMs: number
    readonly clock: Clock
  },
): JobRecord {
  const { jobs, retentionMs, clock } = options
  let { cursor, parts, estimate, columns }: JobProgress = job
  let savedMs = clock.monotonicMs()
  const progress = () => ({ cursor, parts, estimate, columns })
  const change = (changes: Pick<JobProgress, "cursor" | "parts">) => void ({ cursor, parts } = changes)

  return {
    progress,
    note: (changes) => void ({ estimate, columns } = { estimate, columns, ...changes }),
    save: async (changes) => {
      if (!(await jobs.save(job, { ...progress(), ...changes }))) throw new Superseded()
      change(changes)
      savedMs = clock.monotonicMs()
    },
    end: async (end, changes = progress()) => {
      const ended = { ...end, ...endTimes(clock, retentionMs) }
      if (!(await jobs.end(job, { ...progress(), ...changes }, ended))) throw new Superseded()
      change(changes)
    },
    sinceSavedMs: () => clock.monotonicMs() - savedMs,
  }
}
