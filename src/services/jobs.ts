import { type OpenAccount } from "../connections/open-account.ts"
import { createStartExport } from "../exports/start-export.ts"
import { createJobs } from "../jobs/jobs.ts"
import { createFolder } from "../jobs/parts/files.ts"
import { type Storage } from "../storage/storage.ts"
import type { Shared } from "./shared.ts"
import { toExportOptions } from "./exports.ts"

/** Runs jobs from now on. Undefined if many processes share the database, because nothing decides which of them runs a job. */
export function startJobs(shared: Shared, storage: Storage, openAccount: OpenAccount) {
  const { config, observe, clock, messages } = shared
  const { jobs, jobsLock: lock } = storage
  if (lock === undefined) return undefined
  const started = createJobs({
    ...config.jobs,
    jobs,
    lock,
    files: createFolder(config.jobs.folder),
    openAccount,
    startExport: (request, signal) => createStartExport(toExportOptions(shared, signal))(request),
    clock,
    onEvent: observe,
    onExportEvent: (requestId, event) => observe({ type: "export", requestId, event }),
    onCanceled: (id) => messages.send("job_canceled", id),
  })
  // A run that cannot be stopped now stops when it next writes.
  messages.listen("job_canceled", (id) => void started.stopRun(id).catch(() => {}))
  return started
}
