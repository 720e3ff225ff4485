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
  /** Reads the lines of a response: their texts, or rows and event lines. By default their texts. */
  readonly read?: (body: ReadableStream<Uint8Array>) => AsyncGenerator<(string | Row | EventLine)[]>
  /** What identifies a row; undefined if the row does not tell. */
  readonly keyOf: (row: Row) => string | undefined
  readonly onRetry: (error: MailchimpExportError) => void
  readonly sleep: Sleep
  readonly signal?: AbortSignal | undefined
}

/**
 * Reads a stream of rows and event lines until its consumer stops, across as many responses as that takes. After a failure that a
 * retry may mend, resumes from the last cursor. Rows that were received after it are dropped, because they come again.
 *
 * @throws {MailchimpExportError} if a retry makes no sense, or if retries bring nothing new
 */
export async function* readSteps<Row extends object>(options: ResumeOptions<Row>): AsyncGenerator<Step<Row>> {
  const { backOff, open, onRetry, signal, sleep, read = readLines } = options
  const position = createPosition(options)
  for (;;) {
    const request = new AbortController()
    const abort = () => request.abort(signal?.reason)
    signal?.addEventListener("abort", abort)
    try {
      signal?.throwIfAborted()
      const response = await open(position.begin(), request.signal)
      for await (const step of readResponse(response, read)) {
        signal?.throwIfAborted()
        if (position.advance(step)) backOff.progress()
        yield step
      }
      throw networkError("The response ended without its end line")
    } catch (cause) {
      signal?.throwIfAborted()
      const error = cause instanceof MailchimpExportError ? cause : networkError("The transfer broke", cause)
      const ms = backOff.next(error)
      if (ms === undefined) throw error
      onRetry(error)
      await sleep(ms, request.signal)
    } finally {
      signal?.removeEventListener("abort", abort)
      request.abort()
    }
  }
}

/** Creates the position from which the next response continues. */
function createPosition<Row>({ cursor, keyOf }: Pick<ResumeOptions<Row>, "cursor" | "keyOf">) {
  let lastKey: string | undefined
  let keyBefore: string | undefined
  return {
    /** Returns the cursor of the next response. */
    begin(): string | undefined {
      keyBefore = lastKey
      return cursor
    },
    /**
     * Moves to the step's cursor. Returns whether its rows are new: a response that only repeats where the one before
     * ended would otherwise be requested forever.
     */
    advance({ line, rows }: Step<Row>): boolean {
      if (!("cursor" in line) || line.cursor === undefined) return false
      cursor = line.cursor
      const row = rows.at(-1)
      if (row === undefined) return false
      lastKey = keyOf(row)
      return lastKey === undefined || lastKey !== keyBefore
    },
  }
}

/** Yields the steps of a response. */
async function* readResponse<Row extends object>(
  response: Response,
  read: NonNullable<ResumeOptions<Row>["read"]>,
): AsyncGenerator<Step<Row>> {
  let rows: Row[] = []
  for await (const lines of response.body ? read(response.body) : []) {
    for (const item of lines) {
      if (!item) continue
      const line: Row | EventLine = typeof item === "string" ? JSON.parse(item) : item
      if ("$export" in line) {
        yield { rows, line }
        if (line.$export === "error") throw toError(line, response)
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
