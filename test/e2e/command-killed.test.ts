import { afterAll, beforeAll, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { createRowEncoder } from "../../src/command/pull/encode-rows.ts"
import { createExportCheck } from "../../src/dev/check-export.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { toCommandEnv } from "../support/command-folders.ts"
import { runCommandProcess, startCommandProcess } from "../support/run-command.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"

/** Five requests a second keep an export running for longer than it takes to kill it fifteen times. */
const rows = 12_000
const kills = 15
const mailchimp = startSandbox({
  decision: "approve",
  accounts: [
    {
      lists: [
        { name: "Busy", count: rows, imports: [400] },
        { name: "Quiet", count: 3000 },
      ],
    },
  ],
})
const { sandbox } = mailchimp
const [busy = "", quiet = ""] = sandbox.state.accounts.flatMap(({ lists }) => lists.map(({ id }) => id))
const folder = temporaryFolder()
let services: ReturnType<typeof serviceProcesses>
let env: ReturnType<typeof toCommandEnv>

beforeAll(async () => {
  services = serviceProcesses(mailchimp, { MAILCHIMP_PAGE_SIZE: "250", MAILCHIMP_REQUESTS_PER_SECOND: "5" })
  const service = await services.start()
  env = toCommandEnv({ service, headers: await connectAccount(service) })
})
afterAll(async () => {
  await services.end()
  await mailchimp.stop()
  folder.remove()
})

/** Exports to the file, killed at random moments and resumed after each. Returns what the last run said. */
async function pullUnderKills(file: string, listId: string, times: number) {
  const run = { env, cwd: folder.path }
  const args = ["pull", "--out", file, "--list", listId, "--resume"]
  for (let done = 0; done < times; done += 1) {
    const { kill, ended } = startCommandProcess(args, run)
    await Bun.sleep(100 + Math.random() * 500)
    kill(done % 2 === 0 ? "SIGKILL" : "SIGINT")
    const { exitCode, stderr } = await ended
    expect([130, 137], stderr).toContain(exitCode)
    expect(readdirSync(folder.path)).not.toContain(file)
  }
  const last = await runCommandProcess([...args, "--json"], run)
  expect(last.exitCode, last.stderr).toBe(0)
  return JSON.parse(last.stderr)
}

const textOf = (file: string) => readFileSync(join(folder.path, file), "utf8")

/** Creates a function that finds the version of a member that a line of the file shows. */
async function createRowOf(file: string): Promise<(line: string) => string> {
  if (file.endsWith(".ndjson")) return (line) => line
  const service = { baseUrl: env.MAILCHIMP_EXPORT_URL, token: env.MAILCHIMP_EXPORT_TOKEN }
  const { encode } = await createRowEncoder({ format: "csv" }, service)
  const toLine = (row: string) =>
    Buffer.from(encode(Buffer.from(`${row}\n`)))
      .toString()
      .trimEnd()
  return (line) => {
    const [address = ""] = line.split(",")
    const id = new Bun.CryptoHasher("md5").update(address.toLowerCase()).digest("hex")
    const version = sandbox
      .truth(busy)
      .history(id)
      .find(({ row }) => toLine(row) === line)
    return version?.row ?? "{}"
  }
}

test.each(["contacts.ndjson", "contacts.csv"])(
  "%s is exact after fifteen kills at random moments, while the list changes",
  async (file) => {
    const startedMs = Date.now()
    sandbox.churn.start({ listId: busy, everyPage: { edits: 5, deletions: 1, additions: 2 } })
    const summary = await pullUnderKills(file, busy, kills)
    sandbox.churn.stop()
    const check = createExportCheck(sandbox, [busy], startedMs)
    const text = textOf(file)
    expect(text).toEndWith(file.endsWith(".csv") ? "\r\n" : "\n")
    const rowOf = await createRowOf(file)
    const lines = text
      .trimEnd()
      .split(/\r?\n/)
      .slice(file.endsWith(".csv") ? 1 : 0)
    for (const line of lines) check.take(rowOf(line))
    const report = check.report(Date.now(), (id) => asOfMs(summary, id))
    expect(report).toMatchObject({ missing: 0, stale: 0, backwards: 0, foreign: 0 })
    expect(report.members).toBeGreaterThan(rows / 2)
    expect(summary.rows).toBe(lines.length)
    expect(
      readdirSync(folder.path)
        .filter((name) => name.startsWith(file))
        .toSorted(),
    ).toEqual([file, `${file}.state`])
  },
  120_000,
)

function asOfMs({ lists }: { lists: { id: string; as_of: string }[] }, listId: string): number {
  return Date.parse(lists.find(({ id }) => id === listId)?.as_of ?? "")
}

test.each(["ndjson", "csv"])(
  "the sorted rows of a list at rest are the same as without kills, in %s",
  async (format) => {
    await pullUnderKills(`killed.${format}`, quiet, 3)
    const whole = await runCommandProcess(["pull", "--out", `whole.${format}`, "--list", quiet], {
      env,
      cwd: folder.path,
    })
    expect(whole.exitCode, whole.stderr).toBe(0)
    expect(digestOf(`killed.${format}`)).toBe(digestOf(`whole.${format}`))
  },
  120_000,
)

/** A resumed export repeats some rows. */
function digestOf(file: string): string {
  const lines = [...new Set(textOf(file).split("\n"))].toSorted()
  return new Bun.CryptoHasher("sha256").update(lines.join("\n")).digest("hex")
}
