import { join } from "node:path"
import { z } from "zod"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"

/**
 * Runs Schemathesis over /openapi.json, against the service as a process of its own beside a sandbox Mailchimp:
 * `bun test/schemathesis/run.ts path/to/st [CASES]`. Exits with 1 if one of its checks fails, if a phase does not run, if
 * there are fewer than CASES (2000) cases, or if it takes more than four minutes, and for more cases accordingly longer.
 */
const [, , st = "st", leastCases = "2000"] = Bun.argv
/** About 2000 cases do not depend on the number of examples: those of the phases coverage, examples and stateful. */
const size = Math.max(1, (Number(leastCases) - 2000) / 550)
const timeoutMs = 240_000 * size
const examples = (count: number) => `--max-examples=${Math.ceil(count * size)}`

/** The list that the document's example names, so that an example is an export. */
const exampleListId = "a1b2c3d4e5"

const reportSchema = z.object({
  exit_code: z.int(),
  phases: z.record(z.string(), z.object({ status: z.string() })),
  test_cases: z.object({ generated: z.int() }),
})

const lists = [
  { name: "Small", id: exampleListId, count: 20 },
  { name: "Nobody yet", count: 0 },
]
const mailchimp = startSandbox({ decision: "approve", accounts: [{ lists }] })
const services = serviceProcesses(mailchimp)
const folder = temporaryFolder()
const signal = AbortSignal.timeout(timeoutMs)
try {
  const { api, url } = await services.start()
  const { authorization = "" } = await connectAccount({ api })
  const run = (name: string, options: readonly string[]) => runSchemathesis(name, { url, options })
  const caller = `--header=Authorization: ${authorization}`

  const anonymous = await run("anonymous", ["--phases=fuzzing", examples(10)])
  // DELETE would disconnect the account, so it comes last, with what all routes answer then.
  const connected = await run("connected", [caller, "--exclude-method=DELETE", examples(15)])
  const disconnected = await run("disconnected", [caller, "--phases=coverage,fuzzing", examples(5)])

  const cases = [anonymous, connected, disconnected].reduce((sum, each) => sum + each.test_cases.generated, 0)
  const idle = Object.entries(connected.phases).filter(([, { status }]) => status !== "success")
  if (idle.length > 0)
    throw new Error(`Phases that did not run or failed: ${idle.map(([name]) => name).join(", ")}`)
  if (cases < Number(leastCases)) throw new Error(`Only ${cases} cases were run, fewer than ${leastCases}`)
  process.stdout.write(`Schemathesis: ${cases} cases, nothing found\n`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
} finally {
  await services.end()
  await mailchimp.stop()
  folder.remove()
}

/** Runs `st` to its end and reads its report; throws if a check failed. */
async function runSchemathesis(
  name: string,
  target: { readonly url: string; readonly options: readonly string[] },
) {
  const report = join(folder.path, `${name}.json`)
  const child = Bun.spawn(
    [
      st,
      `--config-file=${join(import.meta.dir, "schemathesis.toml")}`,
      "run",
      `${target.url}/openapi.json`,
      "--no-color",
      "--report=json",
      `--report-json-path=${report}`,
      ...target.options,
    ],
    { cwd: folder.path, stdout: "inherit", stderr: "inherit", signal, killSignal: "SIGKILL" },
  )
  const exitCode = await child.exited
  if (signal.aborted) throw new Error(`Schemathesis took more than ${timeoutMs / 1000} s`)
  if (exitCode !== 0)
    throw new Error(`Schemathesis found something, or could not run: it ended with ${exitCode}`)
  return reportSchema.parse(await Bun.file(report).json())
}
