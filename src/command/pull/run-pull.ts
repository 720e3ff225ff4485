import { rm } from "node:fs/promises"
import type { Clock } from "../../lib/time.ts"
import { CommandError } from "../command-error.ts"
import type { StartSandbox } from "../start-sandbox.ts"
import type { Terminal } from "../terminal.ts"
import { toService, type ServiceOptions } from "../service.ts"
import type { Service } from "../../client/request.ts"
import { createRowEncoder } from "./encode-rows.ts"
import { openFileSink } from "./file-sink.ts"
import { type FollowOutput, follow } from "./follow.ts"
import { findFollowed, openFollowedFile } from "./followed-file.ts"
import type { FollowProgress } from "./follow-progress.ts"
import type { Processes } from "./lock.ts"
import type { Progress } from "./progress.ts"
import { pull } from "./pull.ts"
import { pullJob } from "./pull-job.ts"
import type { parsePullOptions } from "./pull-options.ts"
import { selectionKey } from "./selection.ts"
import { openStdout } from "./stdout-sink.ts"
import type { Summary } from "./summary.ts"
import { withLockedFile } from "./with-locked-file.ts"

export type PullDependencies = Processes & {
  readonly terminal: Terminal
  readonly clock: Clock
  readonly random: () => number
  /** Missing if the command is installed without the project. */
  readonly startSandbox?: StartSandbox | undefined
}

type PullRequest = ReturnType<typeof parsePullOptions>

export type RunPull = PullDependencies & {
  readonly request: PullRequest
  readonly progress: Progress
  readonly followProgress: FollowProgress
  /** Called with the export that is followed then. */
  readonly onWhole: (summary: Summary) => Promise<void>
}

/** Exports to a file or to stdout, by a stream or by a job, and follows what changes then. */
export async function runPull(options: RunPull, serviceOptions: ServiceOptions): Promise<Summary> {
  const { request, terminal, startSandbox } = options
  const { out, isSandbox } = request
  if (isSandbox && !startSandbox)
    throw new CommandError(
      "usage",
      "--sandbox needs a clone of the project: there, run npx -y bun@1.4.5 run export -- pull --sandbox",
    )
  await using sandbox = isSandbox ? await startSandbox?.() : undefined
  const service = sandbox
    ? { ...sandbox.service, signal: terminal.signal }
    : toService(serviceOptions, terminal)
  // Awaited here, because the sandbox ends with this function.
  if (out === "-") return await exportAndFollow(service, options)
  return await withLockedFile(out, options, async () => {
    const summary = await exportAndFollow(service, options)
    // A later export cannot continue with the cursor of a sandbox that is gone.
    if (sandbox) await rm(`${out}.state`, { force: true })
    return summary
  })
}

async function exportAndFollow(service: Service, options: RunPull): Promise<Summary> {
  const { out, selection, isFollowed, isResumed } = options.request
  if (isFollowed && isResumed) {
    const cursor = await findFollowed(out, selectionKey(selection))
    if (cursor !== undefined) return followFrom(cursor, service, options)
  }
  const summary = await exportOnce(service, options)
  if (!isFollowed || summary.status === "short") return summary
  await options.onWhole(summary)
  return followFrom(summary.cursor, service, options)
}

async function exportOnce(service: Service, options: RunPull): Promise<Summary> {
  const { request, terminal, progress, clock, random } = options
  const { out, selection, isResumed, isIncrement, isBackground, isSandbox } = request
  const common = { service, selection, progress, clock, random }
  const encoder = isBackground ? undefined : await createRowEncoder(selection, service)
  const header = encoder?.header ?? ""
  const isFile = out !== "-"
  const file = { out, selection: selectionKey(selection), header, isResumed, isIncrement, isBackground }
  const sink = isFile
    ? await openFileSink(file, clock, progress.note)
    : await openStdout(terminal.stdout, header)
  const partialName = isFile ? `${out}.partial` : "the standard output"
  const isPart = sink.isIncrement || selection.since !== undefined
  const to = { ...common, sink, partialName, canContinue: isFile && !isSandbox, isIncrement: isPart }
  if (encoder) return pull({ ...to, encoder })
  return pullJob({ ...to, isCompressed: out.endsWith(".gz") })
}

async function followFrom(cursor: string, service: Service, options: RunPull): Promise<never> {
  const { request, terminal, clock, random, followProgress } = options
  const { out, selection } = request
  const toStdout: FollowOutput = {
    write: (bytes) => terminal.stdout.write(bytes),
    checkpoint: async () => {},
    close: async () => {},
  }
  const output = out === "-" ? toStdout : await openFollowedFile(out, clock)
  return follow({ service, selection, cursor, output, progress: followProgress, clock, random })
}
