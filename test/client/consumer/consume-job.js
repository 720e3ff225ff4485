import { downloadJob, startJob, waitForJob } from "mailchimp-export/client"

/** Runs a job without compression and downloads it, although the first transfer of each part breaks. Returns its rows. */
export async function consumeJob(baseUrl, token) {
  const ranges = []
  const service = { baseUrl, token, fetch: breakParts(ranges) }
  const started = await startJob({ ...service, compression: "none", idempotencyKey: "consumer" })
  const job = await waitForJob(started.id, service)
  let text = ""
  for await (const { bytes } of downloadJob(job, service)) text += new TextDecoder().decode(bytes)
  const rows = text.trimEnd().split("\n")
  const versions = rows
    .map((row) => JSON.parse(row))
    .map((row) => `${row.list_id} ${row.id} ${row.last_changed}`)
  return { versions, retries: ranges.length, status: job.state }
}

/** A `fetch` that breaks what is sent without a range after its first bytes, and notes the ranges. */
function breakParts(ranges) {
  return async (url, init) => {
    const response = await fetch(url, init)
    if (!url.includes("/parts/")) return response
    if (init.headers.range) {
      ranges.push(init.headers.range)
      return response
    }
    const reader = response.body.getReader()
    let chunks = 0
    const pull = async (controller) => {
      const { value } = await reader.read()
      chunks += 1
      if (chunks === 1) return controller.enqueue(value)
      controller.error(new TypeError("terminated"))
      await reader.cancel()
    }
    return new Response(new ReadableStream({ pull }), { status: response.status })
  }
}
