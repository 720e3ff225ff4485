import type { OpenAccount } from "../connections/open-account.ts"
import { createStartExport } from "../exports/start-export.ts"
import type { Config } from "../config.ts"
import { createLocalEngine } from "../jobs/engine/local.ts"
import type { Engine, ProcessLock, RunJob } from "../jobs/engine/engine.ts"
import { createJobs } from "../jobs/jobs.ts"
import { createFolder } from "../jobs/parts/files.ts"
import { createBucket } from "../jobs/parts/s3.ts"
import { watchFiles } from "../jobs/parts/watch-files.ts"
import type { Clock } from "../lib/time.ts"
import type { Storage } from "../storage/storage.ts"
import type { Shared } from "./shared.ts"
import { toExportOptions } from "./exports.ts"

/** Runs jobs from now on, or says why this service cannot. */
export async function startJobs(shared: Shared, storage: Storage, openAccount: OpenAccount) {
  const { config, observe, clock, messages } = shared
  const { redisUrl } = config
  const files = openFiles(config.jobs.files, clock)
  const isFolder = "folder" in config.jobs.files
  const create = (createEngine: (run: RunJob) => Engine) => {
    const jobs = createJobs({
      ...config.jobs,
      jobs: storage.jobs,
      createEngine,
      files,
      filesWatch: isFolder ? undefined : watchFiles({ files, clock, onEvent: observe }),
      openAccount,
      startExport: (request, signal) => createStartExport(toExportOptions(shared, signal))(request),
      clock,
      onEvent: observe,
      onExportEvent: (requestId, event) => observe({ type: "export", requestId, event }),
      onCanceled: (id) => messages.send("job_canceled", id),
    })
    // A run that cannot be stopped now stops when it next writes.
    messages.listen("job_canceled", (id) => void jobs.stopRun(id).catch(() => {}))
    return jobs
  }

  const { jobsLock } = storage
  if (jobsLock !== undefined) {
    const jobs = create(toLocalEngine(shared, storage, jobsLock))
    return { jobs, closeJobs: jobs.close }
  }
  // Many processes share a MongoDB, so a queue must decide which of them runs a job.
  const whyNoJobs = redisUrl === undefined ? "REDIS_URL is not set" : whyNoFiles(shared)
  if (redisUrl === undefined || whyNoJobs !== undefined) {
    if (config.role === "worker") throw new Error(`Cannot start with ROLE=worker because ${whyNoJobs}`)
    return { whyNoJobs: whyNoJobs ?? "", closeJobs: async () => {} }
  }
  const { createEngine, countWorkers, close } = await openQueue(shared, storage, redisUrl)
  const jobs = create(createEngine)
  const closeJobs = async () => {
    await jobs.close()
    close()
  }
  return { jobs, closeJobs, countJobWorkers: countWorkers }
}

function whyNoFiles({ config: { jobs } }: Shared): string | undefined {
  if (!("folder" in jobs.files) || jobs.isFolderShared) return undefined
  return "JOB_FILES is a folder, which the other processes may not have: JOB_FILES_SHARED=true says that they do"
}

function toLocalEngine({ config, observe: onEvent, clock }: Shared, { jobs }: Storage, lock: ProcessLock) {
  const { concurrency } = config.jobs
  return (run: RunJob) => createLocalEngine({ open: jobs.open, run, concurrency, lock, clock, onEvent })
}

/** BullMQ takes 20 MB of memory, so it is loaded only if it is used. */
async function openQueue({ config, observe: onEvent, clock }: Shared, { jobs }: Storage, redisUrl: string) {
  const { createBullmq } = await import("../jobs/engine/bullmq/bullmq.ts")
  const { openPatientRedis } = await import("../storage/redis/redis.ts")
  const connection = openPatientRedis(redisUrl)
  const settings = { concurrency: config.jobs.concurrency, isWorker: config.role !== "web" }
  const queue = createBullmq({ ...settings, connection, find: jobs.find, open: jobs.open, clock, onEvent })
  return { ...queue, close: connection.close }
}

function openFiles(files: Config["jobs"]["files"], clock: Clock) {
  if ("folder" in files) return createFolder(files.folder)
  return createBucket(files, { fetch, clock, random: Math.random })
}
