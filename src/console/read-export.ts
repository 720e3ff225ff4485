import { createBackOff } from "../client/back-off.ts"
import type { MailchimpExportError } from "../client/error.ts"
import type { ExportOptions } from "../client/export-options.ts"
import type { Member } from "../client/member.ts"
import { createOpen, keyOf } from "../client/open-export.ts"
import { readSteps, type Step } from "../client/resume.ts"
import { sleep } from "../client/sleep.ts"
import type { EventLine } from "../client/types.ts"
import { holdBody } from "./hold-body.ts"

/** Rows that arrived together: how many, and the bytes of their lines, or of the last alone if the others are not needed. */
export type Block = { readonly bytes: Uint8Array<ArrayBuffer>; readonly rows: number }

type ReadOptions = ExportOptions & {
  readonly onRetry: (error: MailchimpExportError) => void
  /** Whether the bytes of all rows are needed that arrive now. */
  readonly needsRows: () => boolean
}

const newline = 10
const maxRetries = 8
/** Fewer than pages usually have. */
const fewRows = 50

/**
 * Reads an export to its end line as the client does, also across responses that break, but leaves the rows as bytes: a file
 * gets what Mailchimp sent, and no row is parsed that nobody looks at.
 */
export function readExport(options: ReadOptions): AsyncGenerator<Step<Block>> {
  return readSteps<Block>({
    cursor: options.cursor,
    open: createOpen(options),
    backOff: createBackOff(maxRetries, Math.random),
    read: (body) => readBlocks(body, options.needsRows),
    keyOf: (block) => keyOf(lastMember(block)),
    onRetry: options.onRetry,
    sleep,
    signal: options.signal,
  })
}

/**
 * Yields the event lines, parsed, each after the rows before it. Rows after the last event line are dropped, because a response
 * that resumes has them again. What is yielded is valid until the next is requested.
 */
export async function* readBlocks(
  body: ReadableStream<Uint8Array>,
  needsRows: ReadOptions["needsRows"],
): AsyncGenerator<(Block | EventLine)[]> {
  const held = holdBody(body)
  /** Where the line starts that is not whole yet. Before it there are rows alone. */
  let start = 0
  let lastRow = 0
  let rows = 0
  try {
    while (await held.fill()) {
      // A variable, because a getter called for each row takes time.
      let { bytes } = held
      let end: number
      while ((end = bytes.indexOf(newline, start) + 1) > 0) {
        if (isEvent(bytes, start)) {
          const line: EventLine = JSON.parse(new TextDecoder().decode(bytes.subarray(start, end)))
          yield rows > 0 ? [{ bytes: bytes.subarray(0, start), rows }, line] : [line]
          held.remove(0, end)
          bytes = held.bytes
          start = 0
          rows = 0
        } else if (end === start + 1) {
          // An empty line only keeps the response alive.
          held.remove(start, end)
          bytes = held.bytes
        } else {
          lastRow = start
          start = end
          rows += 1
        }
      }
      if (rows > 1 && !needsRows()) {
        held.remove(0, lastRow)
        start -= lastRow
        lastRow = 0
      }
    }
  } finally {
    await held.cancel()
  }
}

/** An event line begins with `{"$`, and no row does. */
function isEvent(bytes: Uint8Array, start: number): boolean {
  return bytes[start] === 0x7b && bytes[start + 1] === 0x22 && bytes[start + 2] === 0x24
}

function lastMember({ bytes }: Block): Partial<Member> {
  const start = bytes.lastIndexOf(newline, bytes.length - 2) + 1
  return JSON.parse(new TextDecoder().decode(bytes.subarray(start)))
}

/**
 * How many rows each list has, in the order of the block. The rows of a page stand together, so that few are parsed: if the
 * first and the last of some rows are of one list, those between them are taken to be.
 */
export function rowsByList(block: Block): { listId: string | undefined; rows: number }[] {
  const { bytes, rows } = block
  const listId = lastMember(block).list_id
  if (rows < 2 || (rows <= fewRows && membersOf(block, 1)[0]?.list_id === listId)) return [{ listId, rows }]
  const half = Math.floor(rows / 2)
  const middle = endOf(bytes, half)
  return [
    ...rowsByList({ bytes: bytes.subarray(0, middle), rows: half }),
    ...rowsByList({ bytes: bytes.subarray(middle), rows: rows - half }),
  ]
}

/** Where the first lines end. */
function endOf(bytes: Uint8Array, lines: number): number {
  let end = 0
  for (let passed = 0; passed < lines; passed += 1) end = bytes.indexOf(newline, end) + 1
  return end
}

/** The first members of a block, at most `limit`. */
export function membersOf({ bytes, rows }: Block, limit: number): Partial<Member>[] {
  const end = limit < rows ? endOf(bytes, limit) : bytes.length
  const lines = new TextDecoder().decode(bytes.subarray(0, end)).split("\n")
  return lines.filter((line) => line !== "").map((line): Partial<Member> => JSON.parse(line))
}
