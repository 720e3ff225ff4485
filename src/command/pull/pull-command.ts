import type { Clock } from "../../lib/time.ts"
import { CommandError } from "../command-error.ts"
import { toFailure } from "../describe-error.ts"
import { type ExitCode, exitCodeOf, exitCodes } from "../exit-codes.ts"
import { type ServiceOptions, toService } from "../service.ts"
import type { StartSandbox } from "../start-sandbox.ts"
import type { Terminal } from "../terminal.ts"
import { createRowEncoder } from "./encode-rows.ts"
import { openFileSink } from "./file-sink.ts"
import { lock } from "./lock.ts"
import { createProgress, noProgress } from "./progress.ts"
import { pull } from "./pull.ts"
import { type PullOptions, parsePullOptions } from "./pull-options.ts"
import { selectionKey } from "./selection.ts"
import { openStdout } from "./stdout-sink.ts"
import { toJson, toProof } from "./summary.ts"
import { writing } from "./writing.ts"

export type PullDependencies = {
  readonly terminal: Terminal
  readonly clock: Clock
  readonly random: () => number
  readonly pid: number
  readonly isRunning: (pid: number) => boolean
  /** Missing if the command is installed without the project. */
  readonly startSandbox?: StartSandbox | undefined
}

/** Exports to a file or to stdout. */
export async function pullCommand(
  options: PullOptions & ServiceOptions,
  dependencies: PullDependencies,
): Promise<ExitCode> {
  const { terminal, clock } = dependencies
  const { stderr } = terminal
  const { isJson, isQuiet, ...request } = parsePullOptions(options)
  const isBar = stderr.isTTY === true && terminal.env["TERM"] !== "dumb"
  const progress = isQuiet || isJson ? noProgress : createProgress(stderr, { isBar, clock })
  const startedMs = clock.monotonicMs()
  try {
    const summary = await exportWith(request, options, progress, dependencies)
    const durationMs = clock.monotonicMs() - startedMs
    if (isJson) await stderr.write(`${JSON.stringify(toJson(summary, durationMs))}\n`)
    else if (!isQuiet) await stderr.write(`${toProof(summary)}\n`)
    return summary.status === "short" ? exitCodes.incomplete : exitCodes.done
  } catch (error) {
    progress.end()
    const exitCode = exitCodeOf(error)
    if (isJson && exitCode !== exitCodes.done) {
      const status = exitCode === exitCodes.interrupted ? "interrupted" : "failed"
      await stderr.write(`${JSON.stringify({ status, ...toFailure(error), exit_code: exitCode })}\n`)
      return exitCode
    }
    throw error
  }
}

type Request = Omit<ReturnType<typeof parsePullOptions>, "isJson" | "isQuiet">

async function exportWith(
  { out, selection, isResumed, isIncrement, isSandbox }: Request,
  serviceOptions: ServiceOptions,
  progress: ReturnType<typeof createProgress>,
  { terminal, clock, random, pid, isRunning, startSandbox }: PullDependencies,
) {
  if (isSandbox && !startSandbox)
    throw new CommandError(
      "usage",
      "--sandbox needs a clone of the project: there, run npx -y bun@1.4.5 run export -- pull --sandbox",
    )
  await using sandbox = isSandbox ? await startSandbox?.() : undefined
  const service = sandbox
    ? { ...sandbox.service, signal: terminal.signal }
    : toService(serviceOptions, terminal)
  const common = { service, selection, progress, clock, random }
  if (out === "-") {
    const encoder = await createRowEncoder(selection, service)
    const sink = await openStdout(terminal.stdout, encoder.header)
    return await pull({ ...common, encoder, sink, partialName: "the standard output", canContinue: false })
  }
  await using _lock = await writing(out, () => lock(`${out}.lock`, { pid, isRunning }))
  const encoder = await createRowEncoder(selection, service)
  const { header } = encoder
  const file = { out, selection: selectionKey(selection), header, isResumed, isIncrement }
  const sink = await writing(out, () => openFileSink(file, clock))
  const canContinue = !isSandbox
  return await writing(out, () =>
    pull({ ...common, encoder, sink, partialName: `${out}.partial`, canContinue }),
  )
}
