import { createBackOff } from "../../client/back-off.ts"
import type { MailchimpExportError } from "../../client/error.ts"
import { type ExportOptions, toPath, toQuery } from "../../client/export-options.ts"
import { keyOf } from "../../client/open-export.ts"
import type { Member } from "../../client/member.ts"
import { send } from "../../client/request.ts"
import { readSteps, type Step } from "../../client/resume.ts"
import type { Sleep } from "../../client/sleep.ts"
import { lastRow, readRowBytes } from "./row-bytes.ts"

export type ReadExportOptions = ExportOptions & {
  readonly onRetry: (error: MailchimpExportError) => void
  readonly sleep: Sleep
  readonly random: () => number
}

/**
 * Reads an export to its end line, as the client does, but without parsing the members: their rows stay bytes.
 *
 * @throws {MailchimpExportError} if a retry makes no sense, or if retries bring nothing new
 */
export function readExport(options: ReadExportOptions): AsyncGenerator<Step<Uint8Array>> {
  const { cursor, onRetry, sleep, random, signal, maxRetries = 8 } = options
  return readSteps<Uint8Array>({
    cursor,
    open: (cursor, signal) =>
      send(options, toPath(options), {
        signal,
        headers: { accept: "application/x-ndjson", ...(cursor !== undefined && { "export-cursor": cursor }) },
        query: toQuery(options),
      }),
    backOff: createBackOff(maxRetries, random),
    read: readRowBytes,
    keyOf: (rows) => {
      const row: Partial<Member> = JSON.parse(lastRow(rows))
      return keyOf(row)
    },
    onRetry,
    sleep,
    signal,
  })
}
