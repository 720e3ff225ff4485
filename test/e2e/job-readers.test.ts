import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { join } from "node:path"
import { createJobClient, type JobJson } from "../support/job-client.ts"
import { hasPython, pythonWith } from "../support/python.ts"
import { startSandboxAndService, type SandboxAndService } from "../support/sandbox-and-service.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"

const folder = temporaryFolder()
let running: SandboxAndService
let jobs: ReturnType<typeof createJobClient>

beforeAll(async () => {
  running = await startSandboxAndService({
    lists: [{ name: "Big", count: 30_000 }],
    env: { JOB_PART_MB: "1", MAILCHIMP_PAGE_SIZE: "1000" },
  })
  jobs = createJobClient(() => running.service, running.headers)
})
afterAll(async () => {
  await running[Symbol.asyncDispose]()
  folder.remove()
})

/** How many members there are, and the sum of their `web_id`. */
const truth = () => {
  const ids = running.liveRows().map((row): number => JSON.parse(row).web_id)
  return [ids.length, ids.reduce((sum, id) => sum + id, 0)]
}

async function save(job: JobJson, path: string, name: string): Promise<void> {
  await Bun.write(join(folder.path, name), await (await jobs.request(`/${job.id}/${path}`)).bytes())
}

/** Runs a program in Python that prints JSON. */
async function runPython(packages: readonly string[], program: string): Promise<unknown> {
  const python = await pythonWith(...packages)
  const child = Bun.spawn([python, "-c", program], { cwd: folder.path, stdout: "pipe", stderr: "inherit" })
  return JSON.parse(await child.stdout.text())
}

describe.skipIf(!hasPython)(`a job is read${hasPython ? "" : " (Python is not installed)"}`, () => {
  test("by DuckDB, the gzip parts side by side", async () => {
    const job = await jobs.ended((await jobs.start()).id)
    expect(job.parts.length).toBeGreaterThan(2)
    for (const { name } of job.parts) await save(job, `parts/${name}`, name)
    const program = `
import duckdb, json
duckdb.sql("set enable_progress_bar = false")
read = duckdb.sql("""select count(*), sum(web_id)::bigint from read_ndjson('0*.ndjson.gz', columns = {web_id: 'BIGINT'})""")
print(json.dumps(read.fetchall()[0]))`
    expect(await runPython(["duckdb==2.0.1"], program)).toEqual(truth())
  }, 300_000)

  test("by pandas, all parts joined", async () => {
    const job = await jobs.ended((await jobs.start()).id)
    expect(job.parts.length).toBeGreaterThan(2)
    await save(job, "members", "members.ndjson.gz")
    const program = `
import json, pandas
read = pandas.read_json("members.ndjson.gz", lines=True)
print(json.dumps([len(read), int(read["web_id"].sum())]))`
    expect(await runPython(["pandas==3.1.1"], program)).toEqual(truth())
  }, 300_000)

  test("by pandas, the joined parts of a CSV job", async () => {
    const fields = ["web_id", "email_address", "merge_fields.FNAME", "last_changed", "tags.name", "location"]
    const job = await jobs.ended((await jobs.start({ format: "csv", fields })).id)
    await save(job, "members", "members.csv.gz")
    const program = `
import json, pandas
read = pandas.read_csv("members.csv.gz")
print(json.dumps([len(read), int(read["web_id"].sum())]))`
    expect(await runPython(["pandas==3.1.1"], program)).toEqual(truth())
  }, 300_000)
})
