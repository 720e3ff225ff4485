import { afterAll, expect, test } from "bun:test"
import { $ } from "bun"
import { signToken } from "../../src/dev/sign-token.ts"
import { createCommandFolders } from "../support/command-folders.ts"
import { startCuttingProxy } from "../support/cutting-proxy.ts"
import { differenceOf, noDifference, startSandboxAndService } from "../support/sandbox-and-service.ts"
import { jwtSecret } from "../support/service.ts"
import { until } from "../support/until.ts"

const pair = await startSandboxAndService({
  latencyMs: 20,
  lists: [
    { name: "Newsletter", count: 1500 },
    { name: "Customers", count: 500, hostile: true },
  ],
})
const { listIds } = pair
const { env, inNewFolder, remove } = createCommandFolders(pair)
afterAll(async () => {
  await pair[Symbol.asyncDispose]()
  remove()
})

/** Every request for members fails until the returned function is called. */
function failMembers(
  problem: "forbidden" | "too_many_requests" = "forbidden",
  options: { skip?: number; listId?: string } = {},
) {
  const { skip = 0, listId } = options
  const match = { path: /members$/, ...(listId !== undefined && { listId }) }
  pair.sandbox.faults.add({ match, action: { kind: "problem", problem }, skip, times: Infinity })
  return () => pair.sandbox.faults.clear()
}

test("pull writes every member, and --since last what changed into a file of its own", async () => {
  const { run, rowsOf, files } = inNewFolder()
  const first = await run("pull --out contacts.ndjson --since last")
  expect(first).toMatchObject({ exitCode: 0, stdout: "" })
  expect(first.stderr).toMatch(
    /^[\d,]+ members, whole as of [-\d]+ [:\d]+ UTC, in contacts\.ndjson\. Next: --since last\n$/,
  )
  expect(differenceOf(rowsOf("contacts.ndjson"), pair.liveRows())).toEqual(noDifference)

  await Bun.sleep(1100)
  pair.sandbox.changes.addMember(listIds[0] ?? "")
  await Bun.sleep(2100)
  expect(await run("pull --out contacts.ndjson --since last")).toMatchObject({ exitCode: 0 })
  const increment = files().find((file) => /^contacts-\d{8}T\d{6}Z\.ndjson$/.test(file)) ?? ""
  expect(rowsOf(increment).length).toBeGreaterThan(0)
  expect(rowsOf(increment).length).toBeLessThan(100)
  const rows = [...rowsOf("contacts.ndjson"), ...rowsOf(increment)]
  expect(differenceOf(rows, pair.liveRows())).toEqual(noDifference)
  expect(files()).toEqual([increment, "contacts.ndjson", "contacts.ndjson.state"].toSorted())
}, 60_000)

test("CSV is what the service writes, also for hostile members", async () => {
  const { run, textOf } = inNewFolder()
  expect(await run("pull --out contacts.csv")).toMatchObject({ exitCode: 0 })
  const expected = await (await pair.get("/export?format=csv")).text()
  expect(textOf("contacts.csv").split("\r\n").toSorted()).toEqual(expected.split("\r\n").toSorted())
  expect(await run(`pull --out fields.csv --fields email_address,status --list ${listIds[0]}`)).toMatchObject(
    { exitCode: 0 },
  )
  expect(textOf("fields.csv")).toStartWith("email_address,status\r\n")
}, 60_000)

test("--quiet writes nothing, and --json one object", async () => {
  const { run } = inNewFolder()
  expect(await run("pull --out a.ndjson --quiet")).toEqual({ exitCode: 0, stdout: "", stderr: "" })
  const { stderr } = await run("pull --out a.ndjson --json")
  expect(JSON.parse(stderr)).toMatchObject({
    status: "complete",
    file: "a.ndjson",
    rows: pair.liveRows().length,
  })
  const failed = await run("pull --out a.ndjson --json --fields emial")
  expect(failed.exitCode).toBe(2)
  expect(JSON.parse(failed.stderr)).toMatchObject({
    status: "failed",
    code: "invalid_parameter",
    exit_code: 2,
  })
}, 60_000)

test.each([
  ["2, for an unknown option", "pull --out a.ndjson --bogus", {}, 2, "unknown option '--bogus'"],
  ["2, for a missing option", "pull", {}, 2, "--out <file>"],
  ["2, without a URL", "lists", { MAILCHIMP_EXPORT_URL: "" }, 2, "MAILCHIMP_EXPORT_URL is not set"],
  ["2, without a token", "lists", { MAILCHIMP_EXPORT_TOKEN: "" }, 2, "There is no token"],
  ["2, if a question has no terminal", "disconnect", {}, 2, "add --yes"],
  [
    "2, for a field that does not exist",
    "pull --out a.ndjson --fields emial",
    {},
    2,
    "no member has such a field",
  ],
  ["1, for a list that does not exist", "pull --out a.ndjson --list 0123456789", {}, 1, "list"],
  [
    "1, for a folder that does not exist",
    "pull --out no/a.ndjson",
    {},
    1,
    "Cannot write no/a.ndjson because its folder",
  ],
  ["4, for a token that is not accepted", "lists", { MAILCHIMP_EXPORT_TOKEN: "a.b.c" }, 4, "Get a new token"],
  [
    "5, if the service is not there",
    "lists",
    { MAILCHIMP_EXPORT_URL: "http://127.0.0.1:9" },
    5,
    "Check MAILCHIMP_EXPORT_URL",
  ],
] as const)(
  "the exit code is %s",
  async (_, args, more, exitCode, sentence) => {
    const { run, files } = inNewFolder()
    const ended = await run(args, more)
    expect(ended).toMatchObject({ exitCode, stdout: "" })
    expect(ended.stderr).toContain(sentence)
    expect(ended.stderr).not.toContain(env.MAILCHIMP_EXPORT_TOKEN)
    expect(files()).toEqual([])
  },
  60_000,
)

test("the exit code is 4, and the advice to connect, if no account is connected", async () => {
  const { run } = inNewFolder()
  const MAILCHIMP_EXPORT_TOKEN = await signToken({ account_id: "acme", uid: "nobody" }, jwtSecret, 60)
  const ended = await run("status", { MAILCHIMP_EXPORT_TOKEN })
  expect(ended).toMatchObject({ exitCode: 4, stdout: "" })
  expect(ended.stderr).toContain("mailchimp-export connect")
}, 60_000)

test("a list that cannot be read is exit code 3: nothing is replaced, and --resume adds the list", async () => {
  const { run, textOf, rowsOf, files } = inNewFolder()
  expect(await run("pull --out a.ndjson")).toMatchObject({ exitCode: 0 })
  const before = textOf("a.ndjson")
  const [, failing = ""] = listIds
  const mend = failMembers("forbidden", { listId: failing })
  const short = await run("pull --out a.ndjson")
  mend()
  expect(short.exitCode).toBe(3)
  expect(short.stderr).toContain(failing)
  expect(short.stderr).toContain("some may be missing")
  expect(textOf("a.ndjson")).toBe(before)
  expect(files()).toContain("a.ndjson.partial")

  expect(await run("pull --out a.ndjson --resume")).toMatchObject({ exitCode: 0 })
  expect(differenceOf(rowsOf("a.ndjson"), pair.liveRows())).toEqual(noDifference)
  expect(files()).toEqual(["a.ndjson", "a.ndjson.state"])
}, 60_000)

test("lists and status write tables and JSON", async () => {
  const { run } = inNewFolder()
  const { stdout } = await run("lists")
  expect(stdout.split("\n").map((line) => line.split("\t")[0])).toEqual(["id", ...listIds, ""])
  expect(JSON.parse((await run("lists --json")).stdout)).toHaveLength(2)
  expect((await run("status")).stdout).toStartWith("Connected to Account 0, us")
  expect(JSON.parse((await run("status --json")).stdout)).toMatchObject({ token_invalidated: false })
}, 60_000)

test("connect waits until the account is connected; disconnect --yes ends it", async () => {
  await using other = await startSandboxAndService({
    lists: [{ name: "A", count: 1 }],
    env: { LOGIN_COOKIE: "off" },
  })
  const { run, start } = inNewFolder()
  const MAILCHIMP_EXPORT_TOKEN = await signToken({ account_id: "acme", uid: "cli" }, jwtSecret, 60)
  const more = { MAILCHIMP_EXPORT_URL: other.service.url, MAILCHIMP_EXPORT_TOKEN }
  const forward = "--forward-url https://app.example.com/done"
  const { ended } = start(`connect --no-open ${forward}`, more)
  const login = await fetch(`${other.service.api}/auth/login?forward_url=https://app.example.com/done`, {
    redirect: "manual",
    headers: { authorization: `Bearer ${MAILCHIMP_EXPORT_TOKEN}` },
  })
  const consent = await fetch(login.headers.get("location") ?? "", { redirect: "manual" })
  await fetch(consent.headers.get("location") ?? "", { redirect: "manual" })
  const connected = await ended
  expect(connected).toMatchObject({ exitCode: 0, stdout: "" })
  expect(connected.stderr).toMatch(/Connected\. Next|connected already/)
  expect(await run("status", more)).toMatchObject({ exitCode: 0 })
  expect(await run("disconnect --yes", more)).toMatchObject({ exitCode: 0 })
  expect(await run("status", more)).toMatchObject({ exitCode: 4 })
}, 60_000)

test("connect says so if the service accepts a login only from the browser that began it", async () => {
  const { run } = inNewFolder()
  const MAILCHIMP_EXPORT_TOKEN = await signToken({ account_id: "acme", uid: "cookie" }, jwtSecret, 60)
  const ended = await run("connect --forward-url https://app.example.com/done", { MAILCHIMP_EXPORT_TOKEN })
  expect(ended.exitCode).toBe(1)
  expect(ended.stderr).toContain("LOGIN_COOKIE=off")
}, 60_000)

test("a damaged state, and a state of another export, are refused in a sentence, and nothing is lost", async () => {
  const { run, write, textOf, files } = inNewFolder()
  expect(await run("pull --out a.ndjson")).toMatchObject({ exitCode: 0 })
  const [before, state] = [textOf("a.ndjson"), textOf("a.ndjson.state")]
  const other = await run(`pull --out a.ndjson --since last --list ${listIds[0]}`)
  expect(other.exitCode).toBe(2)
  expect(other.stderr).toContain("belongs to an export with other options")
  for (const damaged of ["", "{", state.slice(0, -20), '{"unfinished":{"bytes":-1}}', "null"]) {
    write("a.ndjson.state", damaged)
    const ended = await run("pull --out a.ndjson --resume")
    expect(ended.exitCode).toBe(1)
    expect(ended.stderr).toContain("a.ndjson.state is damaged")
  }
  expect(textOf("a.ndjson")).toBe(before)
  expect(await run("pull --out a.ndjson")).toMatchObject({ exitCode: 0 })
  expect(files()).toEqual(["a.ndjson", "a.ndjson.state"])
}, 60_000)

test("a service that goes away is exit code 5, and --resume continues; a proxy that cuts does not matter", async () => {
  const { run, start, rowsOf, files } = inNewFolder()
  const proxy = await startCuttingProxy(pair.service.url, 400)
  try {
    const cut = await run("pull --out cut.ndjson", { MAILCHIMP_EXPORT_URL: proxy.url })
    expect(cut).toMatchObject({ exitCode: 0 })
    expect(differenceOf(rowsOf("cut.ndjson"), pair.liveRows())).toEqual(noDifference)
  } finally {
    proxy.stop()
  }
  const gone = await startCuttingProxy(pair.service.url, 1_000_000)
  const { ended } = start("pull --out gone.ndjson", { MAILCHIMP_EXPORT_URL: gone.url })
  await until("the first checkpoint", () => files().includes("gone.ndjson.state"))
  gone.stop()
  const failed = await ended
  expect(failed).toMatchObject({ exitCode: 5 })
  expect(failed.stderr).toContain("Resuming, because: Cannot reach the service\n")
  expect(failed.stderr).not.toContain("baseUrl")
  expect(await run("pull --out gone.ndjson --resume")).toMatchObject({
    exitCode: 0,
    stderr: expect.stringMatching(/^[\d,]+ rows, whole as of .* Some came twice, because it was resumed/m),
  })
  expect(differenceOf(rowsOf("gone.ndjson"), pair.liveRows())).toEqual(noDifference)
}, 120_000)

test("a token that expires in the middle of an export is read again from --token-file", async () => {
  const { start, rowsOf, write, files } = inNewFolder()
  write("token", `${env.MAILCHIMP_EXPORT_TOKEN}\n`)
  const proxy = await startCuttingProxy(pair.service.url, 300)
  try {
    const { ended } = start("pull --out a.ndjson --token-file token", {
      MAILCHIMP_EXPORT_URL: proxy.url,
      MAILCHIMP_EXPORT_TOKEN: "",
    })
    await until("the first checkpoint", () => files().includes("a.ndjson.state"))
    // What the service refuses, as it does a token that has expired, until the file is renewed.
    write("token", "expired.expired.expired")
    await Bun.sleep(10)
    write("token", `${env.MAILCHIMP_EXPORT_TOKEN}\n`)
    expect(await ended).toMatchObject({ exitCode: 0 })
    expect(differenceOf(rowsOf("a.ndjson"), pair.liveRows())).toEqual(noDifference)
  } finally {
    proxy.stop()
  }
}, 60_000)

test("a second run for the same file is refused while the first one runs", async () => {
  const { run, start, files } = inNewFolder()
  const mend = failMembers("too_many_requests")
  const { kill, ended } = start("pull --out a.ndjson")
  await until("the lock", () => files().includes("a.ndjson.lock"))
  const second = await run("pull --out a.ndjson")
  expect(second.exitCode).toBe(5)
  expect(second.stderr).toContain("Another run, process")
  kill("SIGINT")
  expect(await ended).toMatchObject({ exitCode: 130 })
  mend()
  expect(files()).toEqual([])
}, 60_000)

test("--help and completion scripts are data, and bash can read the script", async () => {
  const { run } = inNewFolder()
  const help = await run("pull --help")
  expect(help).toMatchObject({ exitCode: 0, stderr: "" })
  expect(help.stdout).toContain("--since last --resume")
  for (const args of ["--help", "pull --help", "jobs --help", "jobs download --help", "connect --help"]) {
    const { stdout } = await run(args)
    // A crontab cannot break a line.
    const tooLong = stdout.split("\n").filter((line) => line.length > 80 && !/^ *15 2 \* \* \*/.test(line))
    expect(tooLong, args).toEqual([])
  }
  const { stdout } = await run("completion bash")
  const check = await $`bash -n -c ${stdout}`.quiet().nothrow()
  expect(check.exitCode).toBe(0)
  expect(stdout).toContain("--out")
  expect(stdout).toMatch(/jobs\) words="list show download cancel retry .*--out/)
  expect(await run("completion tcsh")).toMatchObject({ exitCode: 2 })
}, 60_000)
