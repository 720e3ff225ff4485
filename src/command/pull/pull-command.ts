import { toFailure } from "../describe-error.ts"
import { type ExitCode, exitCodeOf, exitCodes } from "../exit-codes.ts"
import type { ServiceOptions } from "../service.ts"
import { createFollowProgress } from "./follow-progress.ts"
import { createProgress, noProgress } from "./progress.ts"
import { type PullOptions, parsePullOptions } from "./pull-options.ts"
import { type PullDependencies, runPull } from "./run-pull.ts"
import { type Summary, toJson, toProof } from "./summary.ts"

/** Exports, and says how it ended. */
export async function pullCommand(
  options: PullOptions & ServiceOptions,
  dependencies: PullDependencies,
): Promise<ExitCode> {
  const { terminal, clock } = dependencies
  const { stderr } = terminal
  const { json: isJson = false, quiet: isQuiet = false } = options
  const isBar = stderr.isTTY === true && terminal.env["TERM"] !== "dumb"
  const progress = isQuiet || isJson ? noProgress : createProgress(stderr, { isBar, clock })
  const startedMs = clock.monotonicMs()
  const followProgress = createFollowProgress(stderr, { isBar, isSilent: isQuiet || isJson })
  const onWhole = async (summary: Summary) => {
    if (!isJson && !isQuiet) await stderr.write(`${toProof({ ...summary, canContinue: false })}. Following\n`)
  }
  try {
    const request = parsePullOptions(options)
    const run = { ...dependencies, request, progress, followProgress, onWhole }
    const summary = await runPull(run, options)
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
