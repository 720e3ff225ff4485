import { afterAll, beforeAll, expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { inspect } from "node:util"
import { createBucket } from "../../../src/jobs/parts/s3.ts"
import type { Fetch } from "../../../src/lib/fetch.ts"
import { systemClock } from "../../../src/lib/time.ts"
import { describePartFiles } from "../../contracts/part-files.ts"
import {
  describeWithS3,
  type ObjectStore,
  s3StartTimeoutMs,
  startObjectStore,
} from "../../support/versitygw.ts"

const never = new AbortController().signal
const bytes = new TextEncoder().encode("hello world")

describeWithS3("files of jobs in S3", () => {
  let store: ObjectStore
  beforeAll(async () => {
    store = await startObjectStore()
  }, s3StartTimeoutMs)
  afterAll(() => store.stop())

  type Options = { bucket?: string; prefix?: string; secret?: string; send?: Fetch; random?: () => number }
  const open = (options: Options = {}) => {
    const {
      bucket = store.createBucket().name,
      prefix = "some/prefix/",
      secret = store.secret,
      send = fetch,
      random = Math.random,
    } = options
    const account = { endpoint: store.endpoint, region: "us-east-1", accessKeyId: "test-key" }
    return createBucket(
      { ...account, secretAccessKey: secret, bucket, prefix },
      { fetch: send, clock: systemClock, random },
    )
  }
  const write = async (files: ReturnType<typeof open>, signal = never) => {
    const file = await files.create("job_1", "00001-1.ndjson", signal)
    try {
      await file.write(bytes)
      await file.finish()
    } finally {
      await file.discard()
    }
  }

  describePartFiles(() => open())

  test("without a prefix, keys begin with the job's id", async () => {
    const bucket = store.createBucket()
    const files = open({ bucket: bucket.name, prefix: "" })
    await write(files)
    expect(await files.jobIds()).toEqual(["job_1"])
    expect(readdirSync(`${bucket.path}/job_1`)).toEqual(["00001-1.ndjson"])
  })

  test("more than a thousand files of a job are listed and removed", async () => {
    const files = open()
    const names = Array.from({ length: 1003 }, (_, index) => `${String(index + 1).padStart(5, "0")}-1.csv`)
    for (let at = 0; at < names.length; at += 50)
      await Promise.all(
        names.slice(at, at + 50).map(async (name) => (await files.create("job_1", name, never)).finish()),
      )
    expect(await files.names("job_1")).toEqual(names)
    await files.removeAll("job_1")
    expect(await files.names("job_1")).toEqual([])
  }, 30_000)

  test("a file arrives as it was written at a store that reads late", async () => {
    const files = open()
    const file = await files.create("job_1", "00001-1.ndjson", never)
    // More than sockets hold, so that `fetch` keeps some of it.
    const written = crypto.getRandomValues(new Uint8Array(65_000))
    const times = 400
    for (let time = 0; time < times; time += 1) await file.write(written)
    store.freeze()
    const finishing = file.finish()
    await Bun.sleep(300)
    store.thaw()
    await finishing
    await file.discard()
    const chunks: Uint8Array[] = []
    for await (const chunk of files.read("job_1", "00001-1.ndjson", 0, times * written.length))
      chunks.push(chunk)
    expect(Buffer.concat(chunks).equals(Buffer.concat(Array.from({ length: times }, () => written)))).toBe(
      true,
    )
  })

  test("a wrong secret or a missing bucket is job_files_unavailable at once, with the store's code", async () => {
    let failures = 0
    // Called for each failed attempt.
    const random = () => (failures += 1)
    for (const [files, code] of [
      [open({ random, secret: "another-secret" }), "SignatureDoesNotMatch"],
      [open({ random, bucket: "no-such-bucket" }), "NoSuchBucket"],
    ] as const)
      for (const step of [() => write(files), () => files.jobIds(), () => files.remove("job_1", "x")])
        await expect(step()).rejects.toMatchObject({
          code: "job_files_unavailable",
          detail: expect.stringContaining(code),
        })
    expect(failures).toBe(6)
  })

  test("faults that pass are retried, with the whole file each time", async () => {
    let faults = 0
    const files = open({
      send: async (url, init) => {
        faults += 1
        if (faults === 1) return new Response("<Error><Code>SlowDown</Code></Error>", { status: 503 })
        if (faults === 2) throw new Error("socket closed")
        return fetch(url, init)
      },
    })
    await write(files)
    expect(faults).toBe(3)
    expect(await files.size("job_1", "00001-1.ndjson")).toBe(bytes.length)
  })

  test("an upload to a store that is down ends when the run is aborted, and one under way may end first", async () => {
    const end = new AbortController()
    const down = open({ send: () => Promise.reject(new Error("down")) })
    const startedMs = performance.now()
    const writing = write(down, end.signal)
    setTimeout(() => end.abort(new Error("canceled")), 300)
    await expect(writing).rejects.toMatchObject({ code: "job_files_unavailable" })
    // Otherwise it would be retried for two minutes.
    expect(performance.now() - startedMs).toBeLessThan(10_000)

    const handedBack = new AbortController()
    const files = open({
      send: async (url, init) => {
        handedBack.abort(new Error("shutting down"))
        await Bun.sleep(300)
        return fetch(url, init)
      },
    })
    await write(files, handedBack.signal)
    expect(await files.size("job_1", "00001-1.ndjson")).toBe(bytes.length)
  })

  test("no error of a request has its presigned URL or a secret", async () => {
    const urls: string[] = []
    const files = open({
      send: async (url) => {
        urls.push(url)
        // As Bun's fetch does: the error has the URL.
        throw Object.assign(new Error(`Cannot connect to ${url}`), { code: "ECONNREFUSED", path: url })
      },
    })
    const end = AbortSignal.timeout(100)
    const error = await write(files, end).catch((error: unknown) => error)
    const text = inspect(error, { depth: 10 })
    expect(text).toContain("ECONNREFUSED")
    expect(urls[0]).toContain("X-Amz-Signature=")
    for (const secret of ["X-Amz", "Signature", store.endpoint, store.secret, "test-key"])
      expect(text).not.toContain(secret)
  })
})
