import { afterAll, expect, test } from "bun:test"
import { gunzipSync } from "node:zlib"
import { createCommandFolders } from "../support/command-folders.ts"
import { differenceOf, noDifference, startSandboxAndService } from "../support/sandbox-and-service.ts"
import { until } from "../support/until.ts"

const pair = await startSandboxAndService({ latencyMs: 20, lists: [{ name: "Newsletter", count: 1500 }] })
const { inNewFolder, remove } = createCommandFolders(pair)
afterAll(async () => {
  await pair[Symbol.asyncDispose]()
  remove()
})

function holdMembers(problem: "forbidden" | "too_many_requests") {
  pair.sandbox.faults.add({
    match: { path: /members$/ },
    action: { kind: "problem", problem },
    skip: 3,
    times: Infinity,
  })
  return () => pair.sandbox.faults.clear()
}

/** The id of the newest job. */
async function newestJob(run: (args: string) => Promise<{ stdout: string }>): Promise<string> {
  const [newest] = JSON.parse((await run("jobs list --json")).stdout)
  return newest?.id ?? ""
}

test("pull --background writes what a stream writes, and --since last continues from it", async () => {
  const { run, rowsOf, files } = inNewFolder()
  const first = await run("pull --out a.ndjson --background --since last")
  expect(first, first.stderr).toMatchObject({ exitCode: 0, stdout: "" })
  expect(first.stderr).toMatch(/members, whole, in a\.ndjson\. Next: --since last\n$/)
  expect(differenceOf(rowsOf("a.ndjson"), pair.liveRows())).toEqual(noDifference)
  expect(files()).toEqual(["a.ndjson", "a.ndjson.state"])

  await Bun.sleep(1100)
  pair.sandbox.changes.addMember(pair.listIds[0] ?? "")
  await Bun.sleep(2100)
  // A job and a stream have the same cursors.
  expect(await run("pull --out a.ndjson --since last")).toMatchObject({ exitCode: 0 })
  const increment = files().find((file) => /^a-\d{8}T\d{6}Z\.ndjson$/.test(file)) ?? ""
  expect(differenceOf([...rowsOf("a.ndjson"), ...rowsOf(increment)], pair.liveRows())).toEqual(noDifference)
}, 60_000)

test("pull --background writes CSV, and a .gz file as the parts are stored", async () => {
  const { run, bytesOf } = inNewFolder()
  const expected = await (await pair.get("/export?format=csv")).text()
  for (const out of ["a.csv", "a.csv.gz"]) {
    expect(await run(`pull --out ${out} --background --quiet`)).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: "",
    })
    const text = String(out.endsWith(".gz") ? gunzipSync(bytesOf(out)) : bytesOf(out))
    expect(text.split("\r\n").toSorted()).toEqual(expected.split("\r\n").toSorted())
  }
  const refused = await run("pull --out a.csv.gz")
  expect(refused.exitCode).toBe(2)
  expect(refused.stderr).toContain("needs --background")
}, 60_000)

test("a job continues without the command, and --resume takes it up", async () => {
  const { run, start, textOf, rowsOf, files } = inNewFolder()
  const mend = holdMembers("too_many_requests")
  const { kill, ended } = start("pull --out a.ndjson --background")
  await until("the job", () => files().includes("a.ndjson.state"))
  await until("its id", () => textOf("a.ndjson.state").includes('"id":"job_'))
  kill("SIGINT")
  const interrupted = await ended
  expect(interrupted.exitCode).toBe(130)
  expect(interrupted.stderr).toContain("--resume")
  mend()
  const id = await newestJob(run)
  expect(await run("pull --out a.ndjson --resume")).toMatchObject({ exitCode: 2 })
  const resumed = await run("pull --out a.ndjson --background --resume")
  expect(resumed, resumed.stderr).toMatchObject({ exitCode: 0 })
  expect(await newestJob(run)).toBe(id)
  expect(differenceOf(rowsOf("a.ndjson"), pair.liveRows())).toEqual(noDifference)
}, 60_000)

test("a job that failed is retried by --resume, and one that was canceled is started anew", async () => {
  const { run, start, textOf, rowsOf, files } = inNewFolder()
  const mend = holdMembers("forbidden")
  const failed = await run("pull --out a.ndjson --background")
  mend()
  expect(failed.exitCode).toBe(1)
  expect(failed.stderr).toContain("Mailchimp said: 403")
  expect(await run("pull --out a.ndjson --background --resume")).toMatchObject({ exitCode: 0 })
  expect(differenceOf(rowsOf("a.ndjson"), pair.liveRows())).toEqual(noDifference)

  const hold = holdMembers("too_many_requests")
  const { kill, ended } = start("pull --out b.ndjson --background")
  await until(
    "the id",
    () => files().includes("b.ndjson.state") && textOf("b.ndjson.state").includes('"id":"job_'),
  )
  kill("SIGKILL")
  await ended
  hold()
  expect(await run(`jobs cancel ${await newestJob(run)}`)).toMatchObject({ exitCode: 0 })
  const gone = await run("pull --out b.ndjson --background --resume")
  expect(gone.exitCode).toBe(1)
  expect(gone.stderr).toContain("the job is canceled: run the command again")
  expect(await run("pull --out b.ndjson --background --resume")).toMatchObject({ exitCode: 0 })
  expect(differenceOf(rowsOf("b.ndjson"), pair.liveRows())).toEqual(noDifference)
}, 60_000)

test("jobs lists, shows, downloads and cancels", async () => {
  const { run, rowsOf, files } = inNewFolder()
  expect(await run("pull --out a.ndjson --background --quiet")).toMatchObject({ exitCode: 0 })
  const id = await newestJob(run)
  const list = await run("jobs list")
  expect(list.stdout.split("\n")[1]).toStartWith(`${id}\tcomplete\tndjson\t${pair.liveRows().length}\t`)
  expect((await run(`jobs list --before ${id}`)).stdout).not.toContain(id)
  expect((await run(`jobs show ${id}`)).stdout).toMatch(new RegExp(`^job +${id}\nstate +complete\n`))
  expect(JSON.parse((await run(`jobs show ${id} --json`)).stdout).parts.length).toBeGreaterThan(0)
  expect(await run(`jobs download ${id} --out b.ndjson`)).toMatchObject({ exitCode: 0 })
  expect(differenceOf(rowsOf("b.ndjson"), pair.liveRows())).toEqual(noDifference)
  const { stdout } = await run(`jobs download ${id} --out - --quiet`)
  expect(stdout.split("\n").filter(Boolean)).toHaveLength(pair.liveRows().length)
  expect(await run(`jobs retry ${id}`)).toMatchObject({ exitCode: 1 })
  expect(await run(`jobs cancel ${id}`)).toMatchObject({ exitCode: 0 })
  expect((await run(`jobs show ${id}`)).stdout).toContain("canceled")
  expect(await run(`jobs download ${id} --out c.ndjson`)).toMatchObject({ exitCode: 1 })
  expect(await run("jobs show job_unknown")).toMatchObject({ exitCode: 1 })
  expect(files()).toEqual(["a.ndjson", "a.ndjson.state", "b.ndjson"])
}, 60_000)
