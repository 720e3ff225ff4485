import { afterAll, afterEach, expect, test } from "bun:test"
import { gunzipSync } from "node:zlib"
import { startJob, waitForJob } from "../../src/client/client.ts"
import { type CommandFolder, createCommandFolders } from "../support/command-folders.ts"
import { startPartsProxy } from "../support/parts-proxy.ts"
import { differenceOf, noDifference, startSandboxAndService } from "../support/sandbox-and-service.ts"
import { until } from "../support/until.ts"

/** Nothing compresses these names, so they fill parts of a megabyte, if the compressor is given time. */
const members = Array.from({ length: 1000 }, (_, index) => ({
  email_address: `member.${index}@example.com`,
  merge_fields: { FNAME: Buffer.from(crypto.getRandomValues(new Uint8Array(3000))).toString("base64") },
}))
const pair = await startSandboxAndService({
  lists: [
    { name: "Long names", count: 1, members },
    { name: "Small", count: 1 },
  ],
  env: { JOB_PART_MB: "1", MAILCHIMP_REQUESTS_PER_SECOND: "6" },
})
const proxy = startPartsProxy(pair.service.url)
const { inNewFolder, env, remove } = createCommandFolders({ service: proxy, headers: pair.headers })
const [large = "", small = ""] = pair.listIds
const service = { baseUrl: pair.service.url, token: env.MAILCHIMP_EXPORT_TOKEN }
afterEach(() => proxy.release())
afterAll(async () => {
  proxy.stop()
  await pair[Symbol.asyncDispose]()
  remove()
})

/** Starts the command, and stops it when it has stored the first part and waits for the second. */
async function stopAfterFirstPart(
  { start, files, textOf }: CommandFolder,
  args: string,
  signal: NodeJS.Signals,
) {
  proxy.holdAfterOne()
  const { kill, ended } = start(args)
  const state = `${/--out (\S+)/.exec(args)?.[1]}.state`
  await until("the first part", () => files().includes(state) && textOf(state).includes('"after"'))
  kill(signal)
  const stopped = await ended
  proxy.release()
  return stopped
}

test("pull --background of a .csv.gz file that was killed continues with the next part", async () => {
  const folder = inNewFolder()
  const args = `pull --out a.csv.gz --background --list ${large}`
  const killed = await stopAfterFirstPart(folder, args, "SIGKILL")
  expect(killed.exitCode).toBe(137)
  expect(folder.files()).not.toContain("a.csv.gz")

  const resumed = await folder.run(`${args} --resume`)
  expect(resumed, resumed.stderr).toMatchObject({ exitCode: 0, stdout: "" })
  const { served } = proxy
  expect(served.length).toBeGreaterThan(1)
  expect(new Set(served).size).toBe(served.length)
  const expected = await (await pair.get(`/export/${large}?format=csv`)).text()
  const text = String(gunzipSync(folder.bytesOf("a.csv.gz")))
  expect(text.split("\r\n").toSorted()).toEqual(expected.split("\r\n").toSorted())
  expect(folder.files()).toEqual(["a.csv.gz", "a.csv.gz.state"])
}, 60_000)

test("jobs download that was interrupted continues with the next part", async () => {
  const folder = inNewFolder()
  const { id } = await waitForJob((await startJob({ ...service, lists: [large] })).id, service)
  const args = `jobs download ${id} --out a.ndjson`
  const interrupted = await stopAfterFirstPart(folder, args, "SIGINT")
  const stderr = "Interrupted. Next: the same command with --resume\n"
  expect(interrupted).toEqual({ exitCode: 130, stdout: "", stderr })
  expect(folder.files()).toEqual(["a.ndjson.partial", "a.ndjson.state"])

  const other = await folder.run("jobs download job_other --out a.ndjson --resume")
  expect(other.exitCode).toBe(2)
  expect(other.stderr).toStartWith("Cannot resume because a.ndjson belongs to an export with other options")
  const resumed = await folder.run(`${args} --resume`)
  expect(resumed).toEqual({
    exitCode: 0,
    stdout: "",
    stderr: `${pair.liveRows(large).length.toLocaleString("en-US")} members in a.ndjson\n`,
  })
  expect(proxy.served.length).toBeGreaterThan(1)
  expect(new Set(proxy.served).size).toBe(proxy.served.length)
  expect(differenceOf(folder.rowsOf("a.ndjson"), pair.liveRows(large))).toEqual(noDifference)
  expect(folder.files()).toEqual(["a.ndjson"])
}, 60_000)

test("jobs download refuses --resume without a file, and a .gz file of a job without compression", async () => {
  const { run, files } = inNewFolder()
  const { id } = await waitForJob(
    (await startJob({ ...service, compression: "none", lists: [small] })).id,
    service,
  )
  const resumed = await run(`jobs download ${id} --out - --resume`)
  expect(resumed).toMatchObject({ exitCode: 2, stdout: "" })
  expect(resumed.stderr).toBe("--resume needs a file that remembers: use --out FILE\n")
  const compressed = await run(`jobs download ${id} --out a.ndjson.gz`)
  expect(compressed.exitCode).toBe(2)
  expect(compressed.stderr).toBe("The job's files are not compressed: choose a name without .gz\n")
  expect(files()).toEqual([])
}, 60_000)
