import { createGunzip } from "node:zlib"
import { downloadJob } from "../../client/download-job.ts"
import { MailchimpExportError } from "../../client/error.ts"
import type { Service } from "../../client/request.ts"
import type { Job } from "../../client/types.ts"

export type WriteParts = {
  readonly service: Service
  /** The name of the last part that was written. */
  readonly after?: string | undefined
  /** Inflates what the service has compressed. */
  readonly isInflated: boolean
  readonly write: (bytes: Uint8Array) => Promise<void>
  readonly onPart: (part: { readonly name: string; readonly rows: number }) => Promise<void>
}

/**
 * Writes the parts of a job that has ended, one after the other. Each is checked against its digest before.
 *
 * @returns `short` if members may be missing
 * @throws {MailchimpExportError} what made the job fail; `job_not_finished` if it is open or canceled
 */
export async function writeParts(
  job: Job,
  { service, after, isInflated, write, onPart }: WriteParts,
): Promise<"complete" | "short"> {
  try {
    for await (const { name, rows, bytes } of downloadJob(job, { ...service, after })) {
      if (isInflated && job.compression === "gzip")
        for await (const chunk of inflate(bytes)) await write(chunk)
      else await write(bytes)
      await onPart({ name, rows })
    }
    return "complete"
  } catch (error) {
    if (error instanceof MailchimpExportError && error.code === "incomplete") return "short"
    throw error
  }
}

/** In pieces, because a part has ten times its size when it is inflated. */
function inflate(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  const gunzip = createGunzip()
  gunzip.end(bytes)
  return gunzip
}
