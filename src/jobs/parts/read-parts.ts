import type { Part } from "../job.ts"
import { damaged, type PartFiles } from "./part-files.ts"

/**
 * Checks that the files of the parts are there, each of its size, so that a failure comes before the first byte.
 *
 * @throws AppError `job_files_unavailable`
 */
export async function requireParts(
  files: Pick<PartFiles, "size">,
  jobId: string,
  parts: readonly Part[],
): Promise<void> {
  for (const { name, bytes } of parts) if ((await files.size(jobId, name)) !== bytes) throw damaged()
}

/**
 * The bytes of parts, one after the other. A part with other bytes than those that were recorded throws before its last
 * bytes, so that a transfer breaks and never ends cleanly.
 */
export async function* readParts(
  files: Pick<PartFiles, "read">,
  jobId: string,
  parts: readonly Part[],
): AsyncGenerator<Uint8Array> {
  for (const { name, bytes, sha256 } of parts) {
    const hash = new Bun.CryptoHasher("sha256")
    let held: Uint8Array | undefined
    for await (const chunk of files.read(jobId, name, 0, bytes)) {
      if (held) yield held
      hash.update(chunk)
      held = chunk
    }
    if (hash.digest("hex") !== sha256) throw damaged()
    if (held) yield held
  }
}
