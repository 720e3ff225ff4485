import { MailchimpExportError } from "./error.ts"
import { pathOf } from "./jobs.ts"
import { type Service, networkError, send } from "./request.ts"
import { retrying } from "./retrying.ts"
import type { Job, Part } from "./types.ts"

/** A part of a job, received whole and equal to its digest. */
export type DownloadedPart = Omit<Part, "bytes" | "url"> & { readonly bytes: Uint8Array<ArrayBuffer> }

export type DownloadOptions = Service & {
  /** The name of the last part that an earlier download has stored: begins with the next one. */
  readonly after?: string | undefined
}

/**
 * Downloads the parts of a job that has ended, one after the other: joined they are one file. A transfer that breaks is
 * resumed. When the loop ends normally, every member was delivered.
 *
 * @throws {MailchimpExportError} what made the job fail; `job_not_finished` if it is open or canceled; after all parts
 *   `incomplete` if members may be missing
 */
export async function* downloadJob(job: Job, options: DownloadOptions): AsyncGenerator<DownloadedPart> {
  requireFinished(job)
  const { after } = options
  const first = after === undefined ? 0 : job.parts.findIndex(({ name }) => name === after) + 1
  for (const { name, rows, sha256, bytes } of job.parts.slice(first)) {
    const part = { name, rows, sha256 }
    yield { ...part, bytes: await download(`${pathOf(job.id)}/parts/${name}`, { sha256, bytes }, options) }
  }
  if (job.state === "short") {
    const detail = "The job may lack members: the next one, from its cursor, delivers them"
    throw new MailchimpExportError("incomplete", { detail, retryable: true })
  }
}

function requireFinished({ state, error }: Job): void {
  if (error) throw new MailchimpExportError(error.code, error)
  if (state === "complete" || state === "short") return
  const advice = state === "canceled" ? "start another" : "wait until it is complete or short"
  const detail = `Cannot download the job because it is ${state}: ${advice}`
  throw new MailchimpExportError("job_not_finished", { detail, retryable: state !== "canceled" })
}

/** Requests what is missing until all bytes are there. */
function download(path: string, { sha256, bytes: size }: Pick<Part, "sha256" | "bytes">, service: Service) {
  const bytes = new Uint8Array(size)
  let received = 0
  let furthest = 0
  return retrying(async (progress) => {
    const headers = received > 0 ? { range: `bytes=${received}-`, "if-range": `"${sha256}"` } : {}
    const response = await send(service, path, { headers })
    if (response.status !== 206) received = 0
    for await (const chunk of chunksOf(response)) {
      if (received + chunk.length > size) break
      bytes.set(chunk, received)
      received += chunk.length
      // What comes again after a wrong digest is no progress.
      if (received > furthest) progress()
      furthest = Math.max(furthest, received)
    }
    if (received < size) throw networkError("The part ended early")
    if ((await digestOf(bytes)) === sha256) return bytes
    received = 0
    throw networkError("The part differs from its digest: a proxy may have changed it")
  }, service.signal)
}

/** Browsers do not all iterate over a body. */
async function* chunksOf({ body }: Response): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader()
  try {
    for (;;) {
      const next = await reader?.read()
      if (!next || next.done) return
      yield next.value
    }
  } finally {
    await reader?.cancel().catch(() => {})
  }
}

async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")
}
