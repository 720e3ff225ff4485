import { createBackOff } from "../client/back-off.ts"
import type { MailchimpExportError } from "../client/error.ts"
import type { ExportOptions } from "../client/export-options.ts"
import type { Member } from "../client/member.ts"
import { createOpen, keyOf } from "../client/open-export.ts"
import { readSteps, type Step } from "../client/resume.ts"
import { sleep } from "../client/sleep.ts"
import type { EventLine } from "../client/types.ts"
import { readBytes } from "./read-bytes.ts"

/** Rows that arrived together, as the bytes of whole lines. */
export type Block = { readonly bytes: Uint8Array<ArrayBuffer>; readonly rows: number }

const newline = 10
/** `{"$`: how an event line begins, and no row. */
const eventStart = [0x7b, 0x22, 0x24]
const maxRetries = 8
/** The rows of a checkpoint usually have no more. */
const firstHeldBytes = 2 * 1024 * 1024
/** Fewer than pages usually have. */
const fewRows = 50

/**
 * Reads an export to its end line as the client does, also across responses that break, but leaves the rows as bytes: a file
 * gets what Mailchimp sent, and no row is parsed that nobody looks at.
 */
export function readExport(
  options: ExportOptions & { readonly onRetry: (error: MailchimpExportError) => void },
): AsyncGenerator<Step<Block>> {
  return readSteps<Block>({
    cursor: options.cursor,
    open: createOpen(options),
    backOff: createBackOff(maxRetries, Math.random),
    read: readBlocks,
    keyOf: (block) => keyOf(lastMember(block)),
    onRetry: options.onRetry,
    sleep,
    signal: options.signal,
  })
}

/**
 * Yields the event lines, parsed, and the rows between them. Rows after the last event line are dropped, because a response that
 * resumes has them again. The blocks are valid until the next ones are requested.
 */
export async function* readBlocks(body: ReadableStream<Uint8Array>): AsyncGenerator<(Block | EventLine)[]> {
  let held = new Uint8Array(firstHeldBytes)
  let used = 0
  /** Where the line starts that is not whole yet. */
  let scanned = 0
  for await (const bytes of readBytes(body)) {
    if (used + bytes.length > held.length) held = grown(held, used + bytes.length)
    held.set(bytes, used)
    used += bytes.length
    const whole = held.subarray(0, used)
    let eventsEnd = 0
    for (let end = 0; (end = whole.indexOf(newline, scanned) + 1) > 0; scanned = end)
      if (isEvent(whole, scanned)) eventsEnd = end
    if (eventsEnd === 0) continue
    yield [...split(whole.subarray(0, eventsEnd))]
    held.copyWithin(0, eventsEnd, used)
    used -= eventsEnd
    scanned -= eventsEnd
  }
}

function grown(held: Uint8Array<ArrayBuffer>, atLeast: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(2 * atLeast)
  larger.set(held)
  return larger
}

function isEvent(bytes: Uint8Array, start: number): boolean {
  return eventStart.every((byte, index) => bytes[start + index] === byte)
}

/** Divides whole lines, of which the last is an event line. An empty line only keeps the response alive. */
function* split(bytes: Uint8Array<ArrayBuffer>): Generator<Block | EventLine> {
  let rows = 0
  let first = 0
  for (let start = 0, end = 0; start < bytes.length; start = end) {
    end = bytes.indexOf(newline, start) + 1
    const endsBlock = end === start + 1 || isEvent(bytes, start)
    if (!endsBlock) {
      rows += 1
      continue
    }
    if (rows > 0) yield { bytes: bytes.subarray(first, start), rows }
    rows = 0
    first = end
    if (end > start + 1) {
      const line: EventLine = JSON.parse(new TextDecoder().decode(bytes.subarray(start, end)))
      yield line
    }
  }
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
