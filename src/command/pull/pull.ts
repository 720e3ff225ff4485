import type { Service } from "../../client/request.ts"
import type { EventLine } from "../../client/types.ts"
import type { Clock } from "../../lib/time.ts"
import type { RowEncoder } from "./encode-rows.ts"
import type { Progress } from "./progress.ts"
import { toSentence } from "../describe-error.ts"
import { readExport } from "./read-export.ts"
import { type Selection, toExportOptions } from "./selection.ts"
import type { Sink } from "./sink.ts"
import type { Summary } from "./summary.ts"

export type Pull = {
  readonly service: Service
  readonly selection: Selection
  readonly encoder: RowEncoder
  readonly sink: Sink
  readonly partialName: string
  /** Whether another run can continue from this one. */
  readonly canContinue: boolean
  /** Only members who changed since another export are requested. */
  readonly isIncrement: boolean
  readonly progress: Progress
  readonly clock: Clock
  readonly random: () => number
}

/**
 * Writes an export into the sink. If it fails, the sink keeps what a later run can continue from.
 *
 * @throws {MailchimpExportError} what made the export fail
 */
export async function pull(options: Pull): Promise<Summary> {
  const { sink, progress } = options
  const deletedLists: string[] = []
  try {
    const { end, rows, mayRepeat } = await writeRows(options, deletedLists)
    progress.end()
    const { status, lists, cursor = "" } = end
    const isShort = status === "short"
    if (isShort) await sink.abandon()
    const file = isShort ? options.partialName : await sink.complete(cursor)
    const { canContinue, isIncrement } = options
    return { status, file, rows, isIncrement, mayRepeat, lists, deletedLists, canContinue, cursor }
  } catch (error) {
    progress.end()
    // The failure itself says more than what comes of it, such as a disk that is still full.
    await sink.abandon().catch(() => {})
    throw error
  }
}

async function writeRows(options: Pull, deletedLists: string[]) {
  const { service, selection, encoder, sink, progress, clock, random } = options
  let covered = sink.rows
  let rows = covered
  let isRetried = false
  let mayRepeat = sink.rows > 0
  const rewindAfterRetry = async () => {
    if (!isRetried) return
    isRetried = false
    rows = covered
    await sink.rewind()
  }
  const lines = readExport({
    ...service,
    ...toExportOptions(selection),
    cursor: sink.position.cursor,
    onRows: async ({ bytes, count }) => {
      await rewindAfterRetry()
      await sink.write(encoder.encode(bytes))
      rows += count
    },
    onRetry: (error) => {
      isRetried = true
      mayRepeat = true
      progress.note(`Resuming, because: ${toSentence(error)}`)
    },
    sleep: clock.sleep,
    random,
  })
  for await (const line of lines) {
    await rewindAfterRetry()
    // The cursor of the end starts the next export, which has archived members too. It does not continue with this one.
    if (line.$export !== "end" && "cursor" in line) {
      await sink.checkpoint({ cursor: line.cursor }, rows)
      covered = rows
    }
    report(line, rows, progress, deletedLists)
    if (line.$export === "end") return { end: line, rows, mayRepeat }
  }
  throw new Error("The export ended without its end line")
}

function report(line: EventLine, rows: number, progress: Progress, deletedLists: string[]): void {
  switch (line.$export) {
    case "start":
      progress.begin(line.lists.reduce((sum, { estimate = 0 }) => sum + estimate, 0))
      break
    case "deleted":
      deletedLists.push(line.list_id)
      break
    case "list_error":
      progress.note(`Cannot read the list ${line.list_id}: ${line.detail}${mailchimpsWords(line.upstream)}`)
      break
    case "progress":
      progress.show(rows, line.waiting_for)
      break
    default:
      progress.show(rows)
  }
}

function mailchimpsWords(upstream: { detail?: string | undefined } | undefined): string {
  return upstream?.detail ? `. Mailchimp said: ${upstream.detail}` : ""
}
