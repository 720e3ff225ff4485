import { gunzipSync } from "node:zlib"
import { z } from "zod"
import { jobSchema, jobSummarySchema } from "../../src/http/job-view.ts"
import { problemSchema } from "../../src/http/problem.ts"

export type JobJson = z.infer<typeof jobSchema>

const jobResponse = z.strictObject({
  success: z.literal(true),
  message: z.string(),
  data: jobSchema.strict(),
})
const listResponse = z.object({ data: z.array(jobSummarySchema.strict()) })

/** The status and the code of a problem. */
export async function problemOf(response: Response): Promise<[number, string]> {
  return [response.status, problemSchema.parse(await response.json()).code]
}

/** Talks to the job routes of a service as one caller. */
export function createJobClient(
  service: () => { readonly api: string },
  headers: Readonly<Record<string, string>>,
) {
  const request = (path: string, init: RequestInit = {}) =>
    fetch(`${service().api}/export-jobs${path}`, {
      ...init,
      headers: { ...headers, ...(init.body ? { "content-type": "application/json" } : {}), ...init.headers },
    })
  const bodyOf = async <T>(response: Response, schema: z.ZodType<T>): Promise<T> => {
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
    return schema.parse(await response.json())
  }
  const jobOf = async (response: Promise<Response>) => (await bodyOf(await response, jobResponse)).data
  const start = async (body: object = {}, more: Record<string, string> = {}): Promise<JobJson> =>
    jobOf(request("", { method: "POST", body: JSON.stringify(body), headers: more }))
  const read = async (id: string, wait = 0): Promise<JobJson> =>
    jobOf(request(`/${id}`, wait > 0 ? { headers: { prefer: `wait=${wait}` } } : {}))
  const bytesOf = async (url: string) => {
    const response = await fetch(url, { headers })
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
    return response.bytes()
  }

  return {
    request,
    start,
    read,
    list: async (query = "") => (await bodyOf(await request(query), listResponse)).data,
    cancel: async (id: string): Promise<JobJson> => jobOf(request(`/${id}`, { method: "DELETE" })),
    retry: async (id: string): Promise<JobJson> => jobOf(request(`/${id}/retry`, { method: "POST" })),
    /** Waits until the job has ended; a request that fails because the service is being restarted is repeated. */
    ended: async (id: string): Promise<JobJson> => {
      for (;;) {
        const job = await read(id, 10).catch(() => undefined)
        if (job !== undefined && !["queued", "running"].includes(job.state)) return job
        if (job === undefined) await Bun.sleep(50)
      }
    },
    /** Each row of each part, as its line; checks every part against its record. */
    rows: async (job: JobJson): Promise<string[]> => {
      const rows: string[] = []
      for (const part of job.parts) {
        const bytes = await bytesOf(part.url)
        const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex")
        if (sha256 !== part.sha256 || bytes.length !== part.bytes) throw new Error(`${part.name} is damaged`)
        const text = Buffer.from(part.name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString()
        const lines = text === "" ? [] : text.slice(0, -1).split("\n")
        if (text !== "" && !text.endsWith("\n")) throw new Error(`${part.name} does not end with a newline`)
        if (lines.length !== part.rows)
          throw new Error(`${part.name} has ${lines.length} rows, not ${part.rows}`)
        rows.push(...lines)
      }
      return rows
    },
  }
}
