import { createBackOff } from "../../client/back-off.ts"
import type { MailchimpExportError } from "../../client/error.ts"
import { type ExportOptions, toPath, toQuery } from "../../client/export-options.ts"
import type { Member } from "../../client/member.ts"
import { keyOf } from "../../client/open-export.ts"
import { send } from "../../client/request.ts"
import { readSteps } from "../../client/resume.ts"
import type { Sleep } from "../../client/sleep.ts"
import type { EventLine } from "../../client/types.ts"
import { anySignal } from "../../lib/time.ts"
import { lastRow, readRowBytes, type Rows } from "./row-bytes.ts"

export type ReadExportOptions = ExportOptions & {
  /** Stays after the end for what changes. */
  readonly isFollowed?: boolean | undefined
  /** Receives rows as soon as they arrive, so that no page is held. After a retry some come again. */
  readonly onRows: (rows: Rows) => Promise<void>
  readonly onRetry: (error: MailchimpExportError) => void
  readonly sleep: Sleep
  readonly random: () => number
}

/** Of rows that were passed on, the last. */
type LastRow = { readonly last: Buffer }

/** As many as the client has: a quarter of an hour without anything new. */
const retriesWhileFollowing = 100

/**
 * Reads an export to its end line, as the client does, but without parsing the members: their rows stay bytes. Yields the event
 * lines, each after the rows before it were passed on.
 *
 * @throws {MailchimpExportError} if a retry makes no sense, or if retries bring nothing new
 */
export async function* readExport(options: ReadExportOptions): AsyncGenerator<EventLine> {
  const { cursor, isFollowed = false, onRows, onRetry, sleep, random } = options
  const backOff = createBackOff(isFollowed ? retriesWhileFollowing : 8, random)
  // A failure to write is no failure of the transfer, which would be retried.
  const failure = new AbortController()
  using stopping = anySignal(failure.signal, options.signal ?? failure.signal)
  const steps = readSteps<LastRow>({
    cursor,
    open: (cursor, signal) => open(options, cursor, signal),
    backOff,
    read: (body) => passOn(body, onRows, failure),
    keyOf: ({ last }) => {
      const row: Partial<Member> = JSON.parse(last.toString())
      return keyOf(row)
    },
    onRetry,
    sleep,
    signal: stopping.signal,
  })
  for await (const { line } of steps) {
    // Nothing else may change for days.
    if (line.$export === "caught_up") backOff.progress()
    yield line
  }
}

function open(
  options: ReadExportOptions,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<Response> {
  const { isFollowed = false } = options
  return send(options, toPath(options), {
    signal,
    headers: { accept: "application/x-ndjson", ...(cursor !== undefined && { "export-cursor": cursor }) },
    query: { ...toQuery(options), follow: isFollowed ? "true" : undefined },
  })
}

/** Yields one item at a time, because rows must not be passed on before the event line that precedes them was. */
async function* passOn(
  body: ReadableStream<Uint8Array>,
  onRows: ReadExportOptions["onRows"],
  failure: AbortController,
): AsyncGenerator<[LastRow | EventLine]> {
  for await (const item of readRowBytes(body)) {
    if ("$export" in item) {
      yield [item]
      continue
    }
    try {
      await onRows(item)
    } catch (error) {
      failure.abort(error)
      throw error
    }
    yield [{ last: lastRow(item) }]
  }
}
