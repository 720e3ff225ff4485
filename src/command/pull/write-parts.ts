import { createGunzip } from "node:zlib"
import { downloadJob } from "../../client/download-job.ts"
import { MailchimpExportError } from "../../client/error.ts"
import type { Service } from "../../client/request.ts"
import type { Job } from "../../client/types.ts"
import type { JobPosition, Sink } from "./sink.ts"

export type WriteParts = {
  readonly service: Service
  readonly sink: Sink
  /** What the sink has of the job. */
  readonly position: JobPosition
  /** Writes the parts as they are stored, compressed. */
  readonly isCompressed: boolean
}

/**
 * Writes the parts of a job that has ended into the sink, one after the other. Each is checked against its digest before. The sink
 * remembers each, so that a later run begins with the next one.
 *
 * @returns how many members the sink has, and `short` if members may be missing
 * @throws {MailchimpExportError} what made the job fail; `job_not_finished` if it is open or canceled
 */
export async function writeParts(
  job: Job,
  { service, sink, position, isCompressed }: WriteParts,
): Promise<{ readonly status: "complete" | "short"; readonly rows: number }> {
  let { rows } = sink
  try {
    for await (const part of downloadJob(job, { ...service, after: position.after })) {
      if (job.compression === "gzip" && !isCompressed)
        for await (const chunk of inflate(part.bytes)) await sink.write(chunk)
      else await sink.write(part.bytes)
      rows += part.rows
      await sink.checkpoint({ job: { ...position, after: part.name } }, rows)
    }
    return { status: "complete", rows }
  } catch (error) {
    if (error instanceof MailchimpExportError && error.code === "incomplete") return { status: "short", rows }
    throw error
  }
}

/** In pieces, because a part has ten times its size when it is inflated. */
function inflate(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  const gunzip = createGunzip()
  gunzip.end(bytes)
  return gunzip
}
