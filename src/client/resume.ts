import type { BackOff } from "./back-off.ts"
import { MailchimpExportError } from "./error.ts"
import { readLines } from "./read-lines.ts"
import { networkError } from "./request.ts"
import type { Sleep } from "./sleep.ts"
import type { EventLine } from "./types.ts"

/** An event line, with the rows before it and after the event line before. */
export type Step<Row> = { readonly rows: Row[]; readonly line: EventLine }

export type ResumeOptions<Row> = {
  /** Where to begin; without it at the start. */
  readonly cursor: string | undefined
  /** Sends the request. */
  readonly open: (cursor: string | undefined, signal: AbortSignal) => Promise<Response>
  readonly backOff: BackOff
  /** What identifies a row; undefined if the row does not tell. */
  readonly keyOf: (row: Row) => string | undefined
  readonly onRetry: (error: MailchimpExportError) => void
  readonly sleep: Sleep
  readonly signal?: AbortSignal | undefined
}

/**
 * Reads a stream of rows and event lines to its end line, across as many responses as that takes. After a failure that a
 * retry may mend, resumes from the last cursor. Rows that were received after it are dropped, because they come again.
 *
 * @throws {MailchimpExportError} if a retry makes no sense, or if retries bring nothing new
 */
export async function* readSteps<Row extends object>(options: ResumeOptions<Row>): AsyncGenerator<Step<Row>> {
  const { backOff, keyOf, open, onRetry, sleep } = options
  let { cursor } = options
  let lastKey: string | undefined
  for (;;) {
    const request = new AbortController()
    const abort = () => request.abort(options.signal?.reason)
    options.signal?.addEventListener("abort", abort)
    const keyBefore = lastKey
    try {
      options.signal?.throwIfAborted()
      const response = await open(cursor, request.signal)
      for await (const step of parseSteps<Row>(response)) {
        options.signal?.throwIfAborted()
        const { line, rows } = step
        if ("cursor" in line && line.cursor !== undefined) {
          cursor = line.cursor
          const row = rows.at(-1)
          lastKey = row ? keyOf(row) : lastKey
          // A response that only repeats where the one before ended would otherwise be requested forever.
          if (row && (lastKey === undefined || lastKey !== keyBefore)) backOff.progress()
        }
        yield step
        if (line.$export === "end") return
        if (line.$export === "error") throw toError(line, response)
      }
      throw networkError("The response ended without its end line")
    } catch (cause) {
      options.signal?.throwIfAborted()
      const error = cause instanceof MailchimpExportError ? cause : networkError("The transfer broke", cause)
      const ms = backOff.next(error)
      if (ms === undefined) throw error
      onRetry(error)
      await sleep(ms, request.signal)
    } finally {
      options.signal?.removeEventListener("abort", abort)
      request.abort()
    }
  }
}

async function* parseSteps<Row extends object>({ body }: Response): AsyncGenerator<Step<Row>> {
  let rows: Row[] = []
  for await (const lines of body ? readLines(body) : []) {
    for (const text of lines) {
      if (text === "") continue
      const line: Row | EventLine = JSON.parse(text)
      if ("$export" in line) {
        yield { rows, line }
        rows = []
      } else rows.push(line)
    }
  }
}

function toError(
  { code, detail, retryable, upstream }: Extract<EventLine, { $export: "error" }>,
  { headers }: Response,
): MailchimpExportError {
  const requestId = headers.get("x-request-id") ?? undefined
  return new MailchimpExportError(code, { detail, retryable, upstream, requestId })
}
