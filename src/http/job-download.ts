import { AppError } from "../errors.ts"
import { partFormatNamed } from "../exports/formats/formats.ts"
import { type Job, type JobState, totalsOf } from "../jobs/job.ts"
import { partSuffix, type PartFiles } from "../jobs/parts/part-files.ts"
import { readParts, requireParts } from "../jobs/parts/read-parts.ts"
import { parseRange } from "./range.ts"

/** A file to send: nothing is read before `bytes` is called. */
export type Download = {
  readonly status: 200 | 206 | 416
  readonly headers: Readonly<Record<string, string>>
  bytes(): AsyncGenerator<Uint8Array>
}

/**
 * One part of a job, or a range of it. Its ETag is the SHA-256 of the whole part. With 416, `headers` say how long the part is.
 *
 * @throws AppError `job_not_found` if the job has no such part, `job_files_unavailable` if its file is missing or damaged
 */
export async function downloadPart(
  files: PartFiles,
  job: Job,
  name: string,
  { range, ifRange }: { readonly range: string | undefined; readonly ifRange: string | undefined },
): Promise<Download> {
  // Looked up in the record, never joined to a path.
  const part = job.parts.find((part) => part.name === name)
  if (part === undefined)
    throw new AppError("job_not_found", "Cannot find the part: the job's record names its parts")
  await requireParts(files, job.id, [part])
  const { bytes: size, sha256 } = part
  const etag = `"${sha256}"`
  const headers = { ...fileHeaders(job, `${job.id}-${name}`), etag, "accept-ranges": "bytes" }
  const asked = ifRange === undefined || ifRange === etag ? parseRange(range, size) : undefined
  if (asked === undefined) {
    const length = { "content-length": String(size) }
    return { status: 200, headers: { ...headers, ...length }, bytes: () => readParts(files, job.id, [part]) }
  }
  if (asked === "unsatisfiable")
    return { status: 416, headers: { "content-range": `bytes */${size}` }, bytes: nothing }
  const { start, end } = asked
  return {
    status: 206,
    headers: {
      ...headers,
      "content-range": `bytes ${start}-${end - 1}/${size}`,
      "content-length": String(end - start),
    },
    bytes: () => files.read(job.id, name, start, end),
  }
}

/**
 * All parts as one file.
 *
 * @throws AppError `job_not_finished`, or `job_files_unavailable` if a file is missing or damaged
 */
export async function downloadAll(files: PartFiles, job: Job): Promise<Download> {
  const { state } = job
  if (state !== "complete" && state !== "short") {
    throw new AppError("job_not_finished", `Cannot send all members because the job ${unfinished[state]}`)
  }
  await requireParts(files, job.id, job.parts)
  const suffix = partSuffix(partFormatNamed(job.request.format), job.request)
  return {
    status: 200,
    headers: {
      ...fileHeaders(job, `${job.id}${suffix}`),
      "content-length": String(totalsOf(job.parts).bytes),
    },
    bytes: () => readParts(files, job.id, job.parts),
  }
}

const wait = "wait until its state is complete or short"

/** Why the parts of a job are not all of its members, and what to do. */
const unfinished: Readonly<Record<Exclude<JobState, "complete" | "short">, string>> = {
  queued: `is queued: ${wait}`,
  running: `is running: ${wait}`,
  failed: "has failed: retry it, or download the parts that it has",
  canceled: "was canceled and its files were deleted: start a new one",
}

async function* nothing() {
  // A response to an impossible range has no bytes of the file.
}

/** A compressed file is sent as it is, because several gzip members in a content encoding break curl. */
function fileHeaders({ request: { format, compression } }: Job, fileName: string): Record<string, string> {
  return {
    "content-type": compression === "gzip" ? "application/gzip" : partFormatNamed(format).mediaType,
    "content-disposition": `attachment; filename="${fileName}"`,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  }
}
