import { type Clock, within } from "../../lib/time.ts"
import type { JobEvent } from "../job-event.ts"
import type { PartFiles } from "./part-files.ts"

/** A probe of `/readyz` comes every few seconds, and a store charges for each request. */
const keptMs = 15_000
const timeoutMs = 2000

/** Whether the files can be reached, and an event when that changes. */
export type FilesWatch = { isUp(): Promise<boolean> }

/** Looks now, so that a wrong setting is in the log when the service starts, and then when somebody asks. */
export function watchFiles(deps: {
  readonly files: Pick<PartFiles, "names">
  readonly clock: Clock
  readonly onEvent: (event: JobEvent) => void
}): FilesWatch {
  const { files, clock, onEvent } = deps
  let wasUp = true
  const report = (isUp: boolean, error?: unknown) => {
    if (isUp !== wasUp) onEvent(isUp ? { type: "job_files_up" } : { type: "job_files_down", error })
    wasUp = isUp
    return isUp
  }
  const look = () => {
    // No job has this id: the response is short, but its request needs the bucket and the permission to list it.
    const looked = files.names("readyz").then(
      () => report(true),
      (error: unknown) => report(false, error),
    )
    return { atMs: clock.monotonicMs(), isUp: looked }
  }
  let last = look()
  return {
    isUp: async () => {
      if (clock.monotonicMs() - last.atMs > keptMs) last = look()
      return (await within(last.isUp, timeoutMs, clock)) ?? false
    },
  }
}
