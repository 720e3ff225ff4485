import type { PartFormat } from "../../exports/formats/format.ts"
import type { Job, Part } from "../job.ts"
import { type OpenPart, openPart } from "./open-part.ts"
import { partName, type PartFiles, partSuffix } from "./part-files.ts"

/** Writes the rows of one run into parts, one after the other. */
export type PartsWriter = {
  write(bytes: Uint8Array): Promise<void>
  /** How many bytes of the open part were stored so far. */
  storedBytes(): number
  /**
   * Closes the open part, if there is one, and resolves to all parts of the job. The last row must be ended.
   *
   * @param rows how many rows this run has written so far
   */
  close(rows: number): Promise<readonly Part[]>
  /** The same, but resolves to at least one part: an export without rows is an empty file. */
  closeLast(rows: number): Promise<readonly Part[]>
  /** Removes the open part. Never rejects. */
  discard(): Promise<void>
}

export function createPartsWriter(
  { id, attempt, request, parts: earlierParts }: Pick<Job, "id" | "attempt" | "request" | "parts">,
  options: {
    readonly files: Pick<PartFiles, "create">
    readonly format: Pick<PartFormat, "fileSuffix">
    /** Of the run. */
    readonly signal: AbortSignal
  },
): PartsWriter {
  const { files, format, signal } = options
  const suffix = partSuffix(format, request)
  let parts = earlierParts
  let countedRows = 0
  let open: (OpenPart & { readonly name: string }) | undefined

  const opened = async () => {
    if (open !== undefined) return open
    const name = partName(parts.length + 1, attempt, suffix)
    return (open = { name, ...openPart(await files.create(id, name, signal), request.compression) })
  }

  const close = async (rows: number) => {
    if (open === undefined) return parts
    const closed = { name: open.name, rows: rows - countedRows, ...(await open.close()) }
    open = undefined
    countedRows = rows
    return (parts = [...parts, closed])
  }

  return {
    write: async (bytes) => (await opened()).write(bytes),
    storedBytes: () => open?.storedBytes() ?? 0,
    close,
    closeLast: async (rows) => {
      if (parts.length === 0) await opened()
      return close(rows)
    },
    discard: async () => {
      await open?.discard()
      open = undefined
    },
  }
}
