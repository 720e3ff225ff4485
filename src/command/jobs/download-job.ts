import { rm } from "node:fs/promises"
import type { Service } from "../../client/request.ts"
import type { Clock } from "../../lib/time.ts"
import { CommandError } from "../command-error.ts"
import { type ExitCode, exitCodes } from "../exit-codes.ts"
import { openFileSink } from "../pull/file-sink.ts"
import type { Processes } from "../pull/lock.ts"
import { createProgress, noProgress, type Progress } from "../pull/progress.ts"
import type { Sink } from "../pull/sink.ts"
import { openStdout } from "../pull/stdout-sink.ts"
import { waitForJob } from "../pull/wait-for-job.ts"
import { writeParts } from "../pull/write-parts.ts"
import { withLockedFile } from "../pull/with-locked-file.ts"
import type { Terminal } from "../terminal.ts"

export type DownloadJobOptions = {
  readonly out: string
  readonly resume?: boolean | undefined
  readonly quiet?: boolean | undefined
}

type Dependencies = Processes & { readonly terminal: Terminal; readonly clock: Clock }

/** Waits until a job has ended, and writes its parts into one file, which gets its name when it is whole. */
export async function downloadJobCommand(
  id: string,
  service: Service,
  options: DownloadJobOptions,
  dependencies: Dependencies,
): Promise<ExitCode> {
  const { out, quiet = false } = options
  const { terminal, clock } = dependencies
  const { stderr } = terminal
  const isBar = stderr.isTTY === true && terminal.env["TERM"] !== "dumb"
  const progress = quiet ? noProgress : createProgress(stderr, { isBar, clock })
  try {
    const { status, rows } = await download(id, service, options, { ...dependencies, progress })
    const isShort = status === "short"
    const where = out === "-" ? "the standard output" : out
    const proof = `${rows.toLocaleString("en-US")} members in ${where}${isShort ? ", but some may be missing" : ""}`
    if (!quiet) await stderr.write(`${proof}\n`)
    return isShort ? exitCodes.incomplete : exitCodes.done
  } finally {
    progress.end()
  }
}

async function download(
  id: string,
  service: Service,
  { out, resume: isResumed = false }: DownloadJobOptions,
  dependencies: Dependencies & { readonly progress: Progress },
) {
  const { terminal, clock, progress } = dependencies
  const isCompressed = out.endsWith(".gz")
  const intoSink = (sink: Sink) => writeJob(id, { service, sink, progress, clock, isCompressed })
  if (out === "-") {
    if (isResumed) throw new CommandError("usage", "--resume needs a file that remembers: use --out FILE")
    return intoSink(await openStdout(terminal.stdout, ""))
  }
  const file = { out, selection: `job ${id}`, header: "", isIncrement: false, isBackground: true }
  return withLockedFile(out, dependencies, async () => {
    const written = await intoSink(await openFileSink({ ...file, isResumed }, clock, progress.note))
    // The job may have any options, so `pull --since last` cannot continue with it.
    await rm(`${out}.state`, { force: true })
    return written
  })
}

type WriteJob = {
  readonly service: Service
  readonly sink: Sink
  readonly progress: Progress
  readonly clock: Clock
  readonly isCompressed: boolean
}

async function writeJob(id: string, { service, sink, progress, clock, isCompressed }: WriteJob) {
  try {
    const job = await waitForJob(id, { service, progress, clock })
    progress.end()
    if (isCompressed && job.compression === "none")
      throw new CommandError("usage", "The job's files are not compressed: choose a name without .gz")
    const position = sink.position.job ?? { key: "", id }
    const written = await writeParts(job, { service, sink, position, isCompressed })
    await sink.complete(job.cursor ?? "")
    return written
  } catch (error) {
    await sink.abandon().catch(() => {})
    throw error
  }
}
