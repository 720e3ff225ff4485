import { CommanderError } from "commander"
import { connectCommand } from "./account/connect.ts"
import { disconnectCommand } from "./account/disconnect.ts"
import { listsCommand } from "./account/lists.ts"
import { statusCommand } from "./account/status.ts"
import { toCompletion } from "./completion.ts"
import { describeError } from "./describe-error.ts"
import { type ExitCode, exitCodeOf, exitCodes } from "./exit-codes.ts"
import { createProgram } from "./program.ts"
import { type PullDependencies, pullCommand } from "./pull/pull-command.ts"
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
  const program = createProgram(
    {
      pull: async (options) => {
        exitCode = await pullCommand(options, dependencies)
      },
      lists: (options) => listsCommand(toService(options, terminal), options, terminal),
      status: (options) => statusCommand(toService(options, terminal), options, terminal),
      connect: (options) => connectCommand(toService(options, terminal), options, dependencies),
      disconnect: (options) => disconnectCommand(toService(options, terminal), options, terminal),
      completion: (shell) => stdout.write(toCompletion(shell, program)),
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
      const hint = args.includes("pull") ? ". Next: the same command with --resume" : ""
      await stderr.write(`Interrupted${hint}\n`)
    } else if (!(error instanceof ReaderLeft)) await stderr.write(`${describeError(error)}\n`)
    return exitCodeOf(error)
  }
}
