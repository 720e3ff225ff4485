import { afterEach, beforeEach, expect, test } from "bun:test"
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Account } from "../../src/connections/open-account.ts"
import type { StartExport } from "../../src/exports/start-export.ts"
import type { JobEvent } from "../../src/jobs/job-event.ts"
import type { Job } from "../../src/jobs/job.ts"
import { createFolder } from "../../src/jobs/parts/files.ts"
import { createPurge } from "../../src/jobs/purge.ts"
import { createRunJob } from "../../src/jobs/run-job.ts"
import { systemClock } from "../../src/lib/time.ts"
import type { Storage } from "../../src/storage/storage.ts"
import { newJob } from "../contracts/job-store.ts"
import { createFakeExport } from "../support/fake-export.ts"
import { sqliteUnderTest, type SqliteUnderTest } from "../support/storage-under-test.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"

let storage: SqliteUnderTest
let store: Storage["jobs"]
let folder: ReturnType<typeof temporaryFolder>
let events: JobEvent[]
let opened: number

beforeEach(async () => {
  storage = sqliteUnderTest()
  store = (await storage.open()).jobs
  folder = temporaryFolder()
  events = []
  opened = 0
})
afterEach(async () => {
  await storage.close()
  folder.remove()
})

/** Runs jobs whose parts end at every checkpoint. */
function runnerOf(startExport: StartExport, connectionId?: string) {
  return createRunJob({
    jobs: store,
    files: createFolder(folder.path),
    openAccount: async (owner) => {
      opened += 1
      const id =
        connectionId ?? (await store.list(owner, { now: new Date(0), limit: 1 }))[0]?.connectionId ?? ""
      return accountOf({ id, owner })
    },
    startExport: (request) => startExport(request),
    partBytes: 0,
    retentionMs: 1000,
    clock: systemClock,
    onEvent: (event) => void events.push(event),
    onExportEvent: () => {},
  })
}

function accountOf({ id, owner }: { id: string; owner: Job["owner"] }): Account {
  return {
    connection: {
      id,
      owner,
      revision: "1",
      accessToken: "",
      metadata: { dc: "us1" },
      tokenInvalidated: false,
    },
    get client(): never {
      throw new Error("not used")
    },
    waitingFor: () => undefined,
    onAllowanceChange: () => ({ [Symbol.dispose]: () => {} }),
    spare: () => 0,
    usage: () => ({ requests: 3, retries: 0, waitedMs: 0 }),
    [Symbol.dispose]: () => void (opened -= 1),
  }
}

async function inserted() {
  const job = newJob({
    request: { listIds: undefined, selection: {}, format: "ndjson", compression: "none" },
  })
  await store.insert(job)
  return job.id
}

const never = new AbortController().signal
const filesOf = (id: string) => readdirSync(join(folder.path, id)).toSorted()
const rowsOf = async (id: string) =>
  ((await store.find(id))?.parts ?? []).flatMap(({ name }) =>
    readFileSync(join(folder.path, id, name), "utf8")
      .trimEnd()
      .split("\n"),
  )
const pages = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => `{"page":${from + index}}`)

test("a run that was frozen while a newer run began stops at its next write, and nothing of it is left", async () => {
  const id = await inserted()
  const frozen = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  const first = runnerOf(
    createFakeExport(6, async (page) => {
      if (page !== 3) return
      reached.resolve()
      await frozen.promise
    }),
  )(id, never)
  await reached.promise
  await runnerOf(createFakeExport(5))(id, never)
  const record = await store.find(id)
  expect(record).toMatchObject({ state: "complete", attempt: 2, cursor: "end" })
  frozen.resolve()
  await first
  expect(await store.find(id)).toEqual(record)
  expect(await rowsOf(id)).toEqual(pages(5))
  expect(filesOf(id)).toEqual(record!.parts.map(({ name }) => name))
  expect(events.at(-1)).toMatchObject({ type: "job_left", attempt: 1 })
  expect(opened).toBe(0)
})

test("a run that is handed back keeps what it wrote, and the next continues from there", async () => {
  const id = await inserted()
  const end = new AbortController()
  await runnerOf(
    createFakeExport(5, (page) => {
      if (page < 2) return
      end.abort(new Error("shutting down"))
      throw new Error("shutting down")
    }),
  )(id, end.signal)
  expect(await store.find(id)).toMatchObject({ state: "running", cursor: "3" })
  expect(await rowsOf(id)).toEqual(pages(3))
  await runnerOf(createFakeExport(5))(id, never)
  expect(await store.find(id)).toMatchObject({ state: "complete", attempt: 2 })
  expect(await rowsOf(id)).toEqual(pages(5))
})

test("an export that fails is recorded with its error and with what it wrote", async () => {
  const id = await inserted()
  await runnerOf(
    createFakeExport(5, (page) => {
      if (page === 2) throw new Error("it failed")
    }),
  )(id, never)
  expect(await store.find(id)).toMatchObject({
    state: "failed",
    cursor: "3",
    error: { code: "mailchimp_error", detail: "Mailchimp failed", retryable: true },
  })
  expect(await rowsOf(id)).toEqual(pages(3))
})

test("a canceled job leaves no files, whatever its run still writes", async () => {
  const id = await inserted()
  await runnerOf(
    createFakeExport(5, async (page) => {
      if (page === 2) await store.cancel(id, { endedAt: new Date(1), expiresAt: new Date(2) })
    }),
  )(id, never)
  expect(await store.find(id)).toMatchObject({ state: "canceled", parts: [] })
  expect(readdirSync(folder.path)).toEqual([])
  expect(events.at(-1)?.type).toBe("job_left")
})

test("an unforeseen error is an internal_error that reveals nothing", async () => {
  const id = await inserted()
  await runnerOf(() => Promise.reject(new Error("secret of the inside")))(id, never)
  const job = await store.find(id)
  expect(job).toMatchObject({ state: "failed", error: { code: "internal_error" } })
  expect(JSON.stringify(job)).not.toContain("secret of the inside")
})

test("a job of another connection of the same owner does not read it", async () => {
  const id = await inserted()
  await runnerOf(createFakeExport(1), "another")(id, never)
  expect(await store.find(id)).toMatchObject({ state: "failed", error: { code: "disconnected" } })
  expect(opened).toBe(0)
})

test("a folder that is gone in mid-run fails the job, and a retry continues when it is back", async () => {
  const id = await inserted()
  await runnerOf(
    createFakeExport(5, (page) => {
      if (page !== 2) return
      rmSync(folder.path, { recursive: true })
      writeFileSync(folder.path, "not a folder")
    }),
  )(id, never)
  const failed = await store.find(id)
  expect(failed).toMatchObject({ state: "failed", cursor: "2", error: { code: "job_files_unavailable" } })
  expect(failed?.error?.detail).not.toContain(folder.path)
  rmSync(folder.path)
  expect(await store.requeue(id)).toBe(true)
  await runnerOf(createFakeExport(5))(id, never)
  expect(await store.find(id)).toMatchObject({ state: "complete", attempt: 2 })
})

test("a full disk fails the job with job_files_full", async () => {
  const id = await inserted()
  await runnerOf(async (request) => {
    const bytes = await createFakeExport(2)(request)
    // Everything that is written to this device fails as on a full disk.
    await Bun.$`mkdir -p ${join(folder.path, id)} && ln -s /dev/full ${join(folder.path, id, "00001-1.ndjson.draft")}`
    return bytes
  })(id, never)
  expect(await store.find(id)).toMatchObject({
    state: "failed",
    parts: [],
    error: { code: "job_files_full" },
  })
})

test("files and folders can be read by their owner only", async () => {
  const id = await inserted()
  await runnerOf(createFakeExport(1))(id, never)
  const modes =
    await Bun.$`stat -c %a ${join(folder.path, id)} ${join(folder.path, id, "00001-1.ndjson")}`.text()
  expect(modes.trim().split("\n")).toEqual(["700", "600"])
})

test("a purge removes what no record names, and nothing of a run that continues", async () => {
  const [id, unknown] = [await inserted(), "job_unknown"]
  const files = createFolder(folder.path)
  const purge = createPurge({ jobs: store, files, clock: systemClock })
  await Bun.$`mkdir -p ${join(folder.path, unknown)} && touch ${join(folder.path, unknown, "00001-1.ndjson")}`
  await runnerOf(
    createFakeExport(3, async (page) => {
      if (page !== 1) return
      writeFileSync(join(folder.path, id, "00009-0.ndjson"), "of an earlier run")
      await purge()
      expect(filesOf(id)).toEqual(["00001-1.ndjson", "00002-1.ndjson.draft"])
    }),
  )(id, never)
  expect(await rowsOf(id)).toEqual(pages(3))
  expect(readdirSync(folder.path)).toEqual([id])
  await createPurge({ jobs: store, files, clock: { ...systemClock, now: () => Date.now() + 2000 } })()
  expect(readdirSync(folder.path)).toEqual([])
  expect((await store.find(id))?.state).toBe("complete")
  const later = { ...systemClock, now: () => Date.now() + 31 * 24 * 3_600_000 }
  await createPurge({ jobs: store, files, clock: later })()
  expect(await store.find(id)).toBeUndefined()
  chmodSync(folder.path, 0o700)
})
