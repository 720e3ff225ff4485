import { describe, expect, test } from "bun:test"
import { type DownloadedPart, downloadJob } from "../../src/client/download-job.ts"
import { toJobBody } from "../../src/client/job-options.ts"
import { cancelJob, job, retryJob, startJob, waitForJob } from "../../src/client/jobs.ts"
import type { Job, Part } from "../../src/client/types.ts"
import { jobBody } from "../../src/http/job-request.ts"
import { dataOf, problemOf, type Reply, serviceOf } from "./support.ts"

const text = "0123456789"
const digestOf = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest("hex")

function partOf(number: number, content = text): Part {
  const name = `0000${number}-1.ndjson.gz`
  return { name, rows: 2, bytes: content.length, sha256: digestOf(content), url: "https://elsewhere.example" }
}

const complete: Job = {
  id: "job_1",
  state: "complete",
  format: "ndjson",
  compression: "gzip",
  rows: 4,
  estimate: 4,
  bytes: 20,
  created_at: "2026-01-01T00:00:00Z",
  started_at: "2026-01-01T00:00:00Z",
  ended_at: "2026-01-01T00:00:00Z",
  expires_at: "2026-01-04T00:00:00Z",
  error: null,
  cursor: "c1",
  parts: [partOf(1), partOf(2)],
}
const jobs = "https://export.example.com/v1/integrations/mailchimp/export-jobs"

test("each function requests its route", async () => {
  const { service, requests } = serviceOf(...Array.from({ length: 4 }, () => dataOf(complete)))
  await startJob({
    ...service,
    lists: ["a"],
    status: "cleaned",
    format: "csv",
    bom: true,
    idempotencyKey: "k",
  })
  await job("job_1", service)
  await cancelJob("job_1", service)
  expect((await retryJob("job_1", { ...service, subAccountId: "s" })).id).toBe("job_1")
  expect(requests.map(({ url, init }) => `${init.method} ${url}`)).toEqual([
    `POST ${jobs}`,
    `GET ${jobs}/job_1`,
    `DELETE ${jobs}/job_1`,
    `POST ${jobs}/job_1/retry?sub_account_id=s`,
  ])
  expect(requests[0]?.headers.get("idempotency-key")).toBe("k")
  expect(requests[0]?.headers.get("content-type")).toBe("application/json")
  const body = { list_id: ["a"], status: ["cleaned"], format: "csv", bom: true }
  expect(JSON.parse(String(requests[0]?.init.body))).toEqual(body)
})

test("the service accepts every option", () => {
  const body = toJobBody({
    baseUrl: "",
    token: "",
    lists: ["a1b2c3d4e5"],
    fields: ["id"],
    excludeFields: ["tags"],
    status: ["cleaned"],
    since: new Date(0),
    before: "2026-01-01T00:00:00Z",
    include: "archived",
    cursor: "c",
    format: "csv",
    compression: "none",
    formulas: "raw",
    bom: true,
  })
  expect(Object.keys(body).toSorted()).toEqual(Object.keys(jobBody.shape).toSorted())
  expect(jobBody.safeParse(JSON.parse(JSON.stringify(body))).error).toBeUndefined()
})

test("waitForJob() waits until the job has ended, also after passing failures", async () => {
  const { service, requests } = serviceOf(
    dataOf({ ...complete, state: "running" }),
    problemOf(503, "draining"),
    new TypeError("fetch failed"),
    dataOf(complete),
  )
  expect((await waitForJob("job_1", service)).state).toBe("complete")
  for (const { headers } of requests) expect(headers.get("prefer")).toBe("wait=30")
  const unknown = serviceOf(problemOf(404, "job_not_found"))
  await expect(waitForJob("job_1", unknown.service)).rejects.toMatchObject({ code: "job_not_found" })
})

describe("downloadJob()", () => {
  /** These bytes of the part, and then the transfer breaks. */
  const broken = (content: string, status = 200) =>
    new Response(
      new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new TextEncoder().encode(content)),
        pull: (controller) => controller.error(new TypeError("terminated")),
      }),
      { status },
    )

  async function download(replies: readonly Reply[], of: Job = complete, after?: string) {
    const { service, requests } = serviceOf(...replies)
    const parts: DownloadedPart[] = []
    let error: unknown
    try {
      for await (const part of downloadJob(of, { ...service, after })) parts.push(part)
    } catch (thrown) {
      error = thrown
    }
    return {
      texts: parts.map(({ bytes }) => new TextDecoder().decode(bytes)),
      ranges: requests.map(({ headers }) => headers.get("range")),
      requests,
      error,
    }
  }

  test("yields each part of the service that the token is for", async () => {
    const { texts, requests, error } = await download([new Response(text), new Response(text)])
    expect({ texts, error }).toEqual({ texts: [text, text], error: undefined })
    expect(requests.map(({ url }) => String(url))).toEqual([
      `${jobs}/job_1/parts/00001-1.ndjson.gz`,
      `${jobs}/job_1/parts/00002-1.ndjson.gz`,
    ])
  })

  test("resumes a part where its transfer broke, and begins anew if it gets the whole", async () => {
    const rest = new Response("456789", { status: 206 })
    const first = await download([broken("0123"), rest, new Response(text)])
    expect(first).toMatchObject({ texts: [text, text], ranges: [null, "bytes=4-", null] })
    expect(first.requests[1]?.headers.get("if-range")).toBe(`"${digestOf(text)}"`)
    expect((await download([broken("0123"), new Response(text), new Response(text)])).texts).toEqual([
      text,
      text,
    ])
  })

  test("requests a part again whose bytes differ from its digest, or are more", async () => {
    const once = await download([new Response("0123456780"), new Response(text), new Response(text)])
    expect(once).toMatchObject({ texts: [text, text], ranges: [null, null, null] })
    const single = { ...complete, parts: [partOf(1)] }
    const longer = await download([new Response(text + text), new Response(text)], single)
    expect(longer.texts).toEqual([text])
  })

  test("begins after the part that was stored last", async () => {
    const { texts, requests } = await download([new Response(text)], complete, "00001-1.ndjson.gz")
    expect(texts).toEqual([text])
    expect(requests[0]?.url.pathname).toEndWith("00002-1.ndjson.gz")
  })

  test("throws unless the job is complete, and after all parts if it is short", async () => {
    const short = await download([new Response(text), new Response(text)], { ...complete, state: "short" })
    expect(short).toMatchObject({ texts: [text, text], error: { code: "incomplete" } })
    const failure = { code: "job_files_full", detail: "full", retryable: true } as const
    const failed = await download([], { ...complete, state: "failed", error: failure })
    expect(failed).toMatchObject({ texts: [], error: { ...failure, name: "MailchimpExportError" } })
    const canceled = await download([], { ...complete, state: "canceled" })
    expect(canceled.error).toMatchObject({ code: "job_not_finished", retryable: false })
  })

  test("throws what will not mend", async () => {
    const { error, requests } = await download([problemOf(410, "job_expired")])
    expect(error).toMatchObject({ code: "job_expired", status: 410 })
    expect(requests).toHaveLength(1)
  })
})
