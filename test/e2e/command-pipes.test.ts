import { afterAll, expect, test } from "bun:test"
import { gunzipSync } from "node:zlib"
import { createCommandFolders } from "../support/command-folders.ts"
import { hasPython, pythonWith } from "../support/python.ts"
import { differenceOf, noDifference, startSandboxAndService } from "../support/sandbox-and-service.ts"
import { runOnTerminal } from "../support/terminal.ts"

const pair = await startSandboxAndService({ latencyMs: 20, lists: [{ name: "Newsletter", count: 1500 }] })
const { inNewFolder, env, remove } = createCommandFolders(pair)
afterAll(async () => {
  await pair[Symbol.asyncDispose]()
  remove()
})
const members = String(pair.liveRows().length)

test("piped into head, it ends quietly after the first line", async () => {
  const { shell } = inNewFolder()
  const ended = await shell("mailchimp-export pull --out - | head -n 1 | wc -l")
  expect({ ...ended, stdout: ended.stdout.trim() }).toEqual({ exitCode: 0, stdout: "1", stderr: "" })
}, 60_000)

test("piped into gzip, every member is in the file", async () => {
  const { shell, bytesOf } = inNewFolder()
  const ended = await shell("mailchimp-export pull --out - --quiet | gzip > a.ndjson.gz")
  expect(ended).toEqual({ exitCode: 0, stdout: "", stderr: "" })
  const rows = String(gunzipSync(bytesOf("a.ndjson.gz")))
    .split("\n")
    .slice(0, -1)
  expect(differenceOf(rows, pair.liveRows())).toEqual(noDifference)
}, 60_000)

const hasJq = Bun.which("jq") !== null
test.skipIf(!hasJq)(
  `piped into jq, each member is read${hasJq ? "" : " (jq is not installed)"}`,
  async () => {
    const { shell } = inNewFolder()
    const ended = await shell(
      "mailchimp-export pull --out - --quiet | jq -r .email_address | sort -u | wc -l",
    )
    expect({ ...ended, stdout: ended.stdout.trim() }).toEqual({ exitCode: 0, stdout: members, stderr: "" })
  },
  60_000,
)

test.skipIf(!hasPython)(
  `piped into DuckDB, each member is read${hasPython ? "" : " (Python is not installed)"}`,
  async () => {
    const { shell, write } = inNewFolder()
    const python = await pythonWith("duckdb==2.0.1")
    // The columns are named, because DuckDB would read a pipe twice to find them.
    write(
      "count.py",
      `import duckdb
rows = duckdb.sql("""select count(distinct email_address) from read_json('/dev/stdin', format = 'newline_delimited',
  columns = {email_address: 'VARCHAR', status: 'VARCHAR'})""").fetchall()
print(rows[0][0])
`,
    )
    const fields = "--fields email_address,status"
    const ended = await shell(`mailchimp-export pull --out - ${fields} --quiet | ${python} count.py`)
    expect({ ...ended, stdout: ended.stdout.trim() }).toEqual({ exitCode: 0, stdout: members, stderr: "" })
  },
  120_000,
)

test("no line has a carriage return, on neither output", async () => {
  const { run } = inNewFolder()
  const { exitCode, stdout, stderr } = await run("pull --out -")
  expect(exitCode).toBe(0)
  expect(stderr).toMatch(/^[\d,]+ members, whole as of .*, in the standard output\n$/)
  expect(stdout + stderr).not.toContain("\r")
}, 60_000)

/** What the command wrote over the same line, and what it left. */
function linesOf(text: string) {
  const drawn = text.split("\r\u001B[K")
  return { left: drawn.pop(), drawn }
}

test.each([
  [20, 19],
  [40, 39],
  // A terminal that does not tell counts as 80.
  [0, 79],
])(
  "on a terminal of %d columns the bar has %d at most, and the proof is what remains",
  async (columns, widest) => {
    const { path } = inNewFolder()
    const ended = await runOnTerminal("pull --out a.ndjson", { env, cwd: path("."), columns })
    const { drawn, left } = linesOf(ended.text)
    expect(ended.exitCode, ended.text).toBe(0)
    expect(left).toMatch(/^[\d,]+ members, whole as of .*, in a\.ndjson\. Next: --since last\r\n$/)
    expect(drawn.length).toBeGreaterThan(1)
    expect(Math.max(...drawn.map(({ length }) => length))).toBeLessThanOrEqual(widest)
    expect(drawn.join("")).toContain("%")
    // No color, and nothing else that a terminal may not know.
    expect(ended.text.replaceAll("\r\u001B[K", "")).not.toContain("\u001B")
  },
  60_000,
)

test("a terminal that cannot clear a line gets none of its codes", async () => {
  const { path } = inNewFolder()
  const options = { env: { ...env, TERM: "dumb" }, cwd: path("."), columns: 80 }
  const { exitCode, text } = await runOnTerminal("pull --out a.ndjson", options)
  expect(exitCode).toBe(0)
  expect(text).toMatch(/^[\d,]+ members, whole as of .*\r\n$/)
}, 60_000)
