import { afterAll, beforeAll, expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { createJobClient } from "../support/job-client.ts"
import { startSandboxAndService, type SandboxAndService } from "../support/sandbox-and-service.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { until } from "../support/until.ts"

const folder = temporaryFolder()
const files = join(folder.path, "jobs")
let running: SandboxAndService

beforeAll(async () => {
  running = await startSandboxAndService({
    lists: [{ name: "One", count: 20_000 }],
    env: { JOB_FILES: files, JOB_PART_MB: "1" },
  })
})
afterAll(async () => {
  await running[Symbol.asyncDispose]()
  folder.remove()
})

test("DELETE at random moments of a job stops its run, and leaves nothing of it", async () => {
  const jobs = createJobClient(() => running.service, running.headers)
  const others = createJobClient(() => running.service, running.headers)
  const moments = new Set<string>()
  for (let round = 0; round < 15; round += 1) {
    const { id } = await jobs.start({ compression: "none" })
    // Twenty pages in parts of one: some rounds before the first part, some between parts, some after the last.
    await Bun.sleep(Math.random() ** 2 * 1500)
    const { state, parts } = await jobs.read(id)
    moments.add(state === "running" && parts.length > 0 ? "between parts" : state)
    expect(await others.cancel(id)).toMatchObject({ state: "canceled", rows: 0, parts: [], cursor: null })
    await until("the end of the files", () => namesIn(files).length === 0)
    expect((await jobs.read(id)).state).toBe("canceled")
  }
  expect(moments.size).toBeGreaterThan(1)
  const before = running.sandbox.traffic.total
  await Bun.sleep(1000)
  expect(running.sandbox.traffic.total).toBe(before)
  expect(namesIn(files)).toEqual([])
})

function namesIn(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    // Nothing was written yet.
    return []
  }
}
