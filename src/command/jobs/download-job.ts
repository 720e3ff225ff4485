import { rename, rm } from "node:fs/promises"
import type { Service } from "../../client/request.ts"
import type { Clock } from "../../lib/time.ts"
import { type ExitCode, exitCodes } from "../exit-codes.ts"
import { openPartialFile } from "../pull/partial-file.ts"
import { createProgress, noProgress } from "../pull/progress.ts"
import { waitForJob } from "../pull/wait-for-job.ts"
import { writeParts } from "../pull/write-parts.ts"
import { writing } from "../pull/writing.ts"
import type { Terminal } from "../terminal.ts"

export type DownloadJobOptions = {
  readonly out: string
  readonly quiet?: boolean | undefined
}

/** Waits until a job has ended, and writes its parts into one file, which gets its name when it is whole. */
export async function downloadJobCommand(
  id: string,
  service: Service,
  { out, quiet = false }: DownloadJobOptions,
  { terminal, clock }: { readonly terminal: Terminal; readonly clock: Clock },
): Promise<ExitCode> {
  const { stdout, stderr } = terminal
  const isBar = stderr.isTTY === true && terminal.env["TERM"] !== "dumb"
  const progress = quiet ? noProgress : createProgress(stderr, { isBar, clock })
  try {
    const job = await waitForJob(id, { service, progress, clock })
    progress.end()
    const parts = { service, isInflated: !out.endsWith(".gz"), onPart: async () => {} }
    const status =
      out === "-"
        ? await writeParts(job, { ...parts, write: (bytes) => stdout.write(bytes) })
        : await writing(out, () => toFile(out, (write) => writeParts(job, { ...parts, write })))
    const isShort = status === "short"
    const where = out === "-" ? "the standard output" : out
    const proof = `${job.rows.toLocaleString("en-US")} members in ${where}${isShort ? ", but some may be missing" : ""}`
    if (!quiet) await stderr.write(`${proof}\n`)
    return isShort ? exitCodes.incomplete : exitCodes.done
  } finally {
    progress.end()
  }
}

async function toFile<T>(
  out: string,
  writeAll: (write: (bytes: Uint8Array) => Promise<void>) => Promise<T>,
): Promise<T> {
  const path = `${out}.download`
  const partial = await openPartialFile(path, 0)
  try {
    const result = await writeAll(async (bytes) => partial.write(bytes))
    await partial.sync()
    await partial.close()
    await rename(path, out)
    return result
  } catch (error) {
    await partial.close().catch(() => {})
    await rm(path, { force: true })
    throw error
  }
}
