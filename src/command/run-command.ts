import { CommanderError } from "commander"
import type { AccountActions } from "./account/add-account.ts"
import { describeError } from "./describe-error.ts"
import { type ExitCode, exitCodeOf, exitCodes } from "./exit-codes.ts"
import type { JobActions } from "./jobs/add-jobs.ts"
import { createProgram } from "./program.ts"
import type { PullDependencies } from "./pull/run-pull.ts"
import { toService } from "./service.ts"
import { Interrupted, ReaderLeft } from "./terminal.ts"

export type CommandDependencies = PullDependencies & {
  readonly openBrowser: (url: string) => void
}

/** Runs the command with its arguments, and returns its exit code. */
export async function runCommand(
  args: readonly string[],
  dependencies: CommandDependencies,
): Promise<ExitCode> {
  const { terminal } = dependencies
  const { stdout, stderr } = terminal
  let exitCode: ExitCode = exitCodes.done
  let canResume = false
  const program = createProgram(
    {
      ...accountActions(dependencies),
      ...jobActions(dependencies),
      downloadJob: async (id, options) => {
        const { downloadJobCommand } = await import("./jobs/download-job.ts")
        canResume = options.out !== "-"
        exitCode = await downloadJobCommand(id, toService(options, terminal), options, dependencies)
      },
      pull: async (options) => {
        const { pullCommand } = await import("./pull/pull-command.ts")
        canResume = options.out !== "-" && options.sandbox !== true
        exitCode = await pullCommand(options, dependencies)
      },
      completion: async (shell) => {
        const { toCompletion } = await import("./completion.ts")
        await stdout.write(toCompletion(shell, program))
      },
    },
    { out: (text) => void stdout.write(text), err: (text) => void stderr.write(text) },
  )
  try {
    await program.parseAsync(args, { from: "user" })
    return exitCode
  } catch (error) {
    // Commander has already written what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
    if (error instanceof Interrupted) {
      const hint = canResume ? ". Next: the same command with --resume" : ""
      await stderr.write(`Interrupted${hint}\n`)
    } else if (!(error instanceof ReaderLeft)) await stderr.write(`${describeError(error)}\n`)
    return exitCodeOf(error)
  }
}

// A command is loaded when it runs, so that `--help` stays quick.

function accountActions(dependencies: CommandDependencies): AccountActions {
  const { terminal } = dependencies
  return {
    lists: async (options) =>
      (await import("./account/lists.ts")).listsCommand(toService(options, terminal), options, terminal),
    status: async (options) =>
      (await import("./account/status.ts")).statusCommand(toService(options, terminal), options, terminal),
    connect: async (options) =>
      (await import("./account/connect.ts")).connectCommand(
        toService(options, terminal),
        options,
        dependencies,
      ),
    disconnect: async (options) =>
      (await import("./account/disconnect.ts")).disconnectCommand(
        toService(options, terminal),
        options,
        terminal,
      ),
  }
}

const loadJobs = () => import("./jobs/jobs.ts")

function jobActions({ terminal }: CommandDependencies): Omit<JobActions, "downloadJob"> {
  return {
    listJobs: async (options) =>
      (await loadJobs()).listJobsCommand(toService(options, terminal), options, terminal),
    showJob: async (id, options) =>
      (await loadJobs()).showJobCommand(id, toService(options, terminal), options, terminal),
    cancelJob: async (id, options) =>
      (await loadJobs()).cancelJobCommand(id, toService(options, terminal), terminal),
    retryJob: async (id, options) =>
      (await loadJobs()).retryJobCommand(id, toService(options, terminal), terminal),
  }
}
