import { type OpenAccount } from "../connections/open-account.ts"
import { createStartExport } from "../exports/start-export.ts"
import type { Config } from "../config.ts"
import { createJobs } from "../jobs/jobs.ts"
import { createFolder } from "../jobs/parts/files.ts"
import { createBucket } from "../jobs/parts/s3.ts"
import { watchFiles } from "../jobs/parts/watch-files.ts"
import { type Clock } from "../lib/time.ts"
import { type Storage } from "../storage/storage.ts"
import type { Shared } from "./shared.ts"
import { toExportOptions } from "./exports.ts"

/** Runs jobs from now on. Undefined if many processes share the database, because nothing decides which of them runs a job. */
export function startJobs(shared: Shared, storage: Storage, openAccount: OpenAccount) {
  const { config, observe, clock } = shared
  const { jobs, jobsLock: lock } = storage
  if (lock === undefined) return undefined
  const files = openFiles(config.jobs.files, clock)
  const isFolder = "folder" in config.jobs.files
  return createJobs({
    ...config.jobs,
    jobs,
    lock,
    files,
    filesWatch: isFolder ? undefined : watchFiles({ files, clock, onEvent: observe }),
    openAccount,
    startExport: (request, signal) => createStartExport(toExportOptions(shared, signal))(request),
    clock,
    onEvent: observe,
    onExportEvent: (requestId, event) => observe({ type: "export", requestId, event }),
  })
}

function openFiles(files: Config["jobs"]["files"], clock: Clock) {
  if ("folder" in files) return createFolder(files.folder)
  return createBucket(files, { fetch, clock, random: Math.random })
}
