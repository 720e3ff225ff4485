import { AppError } from "../errors.ts"
import type { Cursor } from "./cursor.ts"
import type { ListResult } from "../scan/list-scan.ts"
import type { Plan } from "./plan.ts"
import type { ListNotice, Scan } from "../scan/scan.ts"
import type { Second } from "../scan/source.ts"

/** A list as a consumer is told of it. */
export type ExportList = {
  readonly id: string
  readonly name?: string | undefined
  /** About how many members it has, as Mailchimp's own statistics say. */
  readonly estimate?: number | undefined
}

/** A line of the stream that is not a member: an object with a key that no member has. */
type EventLine = { readonly $export: string }

export type EventLines = {
  /** The first lines: the start, and what is gone since the export that this one continues. */
  start(): EventLine[]
  /** What the consumer has now, and could go on from. */
  checkpoint(rows: number): Promise<EventLine>
  /** A list could not be read, or is gone. */
  notice(notice: ListNotice): EventLine
  /** Nothing came for a while. */
  progress(rows: number): EventLine
  error(error: unknown): Promise<EventLine>
  end(rows: number): Promise<EventLine>
}

export type EventOptions = {
  readonly exportId: string
  readonly lists: readonly ExportList[]
  readonly plan: Plan
  readonly scan: Scan
  readonly results: readonly ListResult[]
  /** Whether the export has an end to go on from: not where the caller set an upper bound. */
  readonly isOpenEnded: boolean
  readonly selection: string
  readonly sealCursor: (cursor: Cursor) => Promise<string>
  readonly requests: () => number
  readonly waitingFor: () => string | undefined
  readonly now: () => number
}

/** The lines that tell a consumer where the export is, and let him go on from there. */
export function createEventLines(options: EventOptions): EventLines {
  const { exportId, lists, plan, scan, results, selection, sealCursor, now } = options
  const { horizon, isIncremental } = plan
  const startedAt = now()
  /** Lists that were done in an earlier answer, and of whose counts the cursor had no room. */
  const uncounted = new Set(
    plan.lists.filter(({ isDone, totalItems }) => isDone && totalItems === undefined).map(({ id }) => id),
  )

  const checkpointCursor = () =>
    sealCursor({ kind: "checkpoint", selection, isIncremental, horizon, lists: scan.positions() })

  const deleted = (listId: string) => ({
    $export: "deleted",
    list_id: listId,
    at: new Date(now()).toISOString(),
    reason: "list_deleted",
  })

  return {
    start: () => [
      {
        $export: "start",
        id: exportId,
        horizon: toDate(horizon),
        lists: lists.map(({ id, name, estimate }) => ({ id, name, estimate })),
      },
      ...plan.gone.map(deleted),
    ],

    checkpoint: async (rows) => ({ $export: "checkpoint", cursor: await checkpointCursor(), rows }),

    progress: (rows) => ({
      $export: "progress",
      rows,
      estimate: lists.reduce((sum, { estimate = 0 }) => sum + estimate, 0),
      requests: options.requests(),
      waiting_for: options.waitingFor() ?? "mailchimp",
    }),

    notice: ({ notice, listId, error }) => {
      if (notice === "list_deleted") return deleted(listId)
      const { code, detail, retryable, upstream } = toAppError(error)
      return { $export: "list_error", list_id: listId, code, detail, retryable, upstream }
    },

    error: async (error) => {
      const { code, detail, retryable, upstream } = toAppError(error)
      return { $export: "error", code, detail, retryable, cursor: await checkpointCursor(), upstream }
    },

    end: async (rows) => {
      const cursor = {
        kind: "end",
        selection,
        isIncremental: true,
        horizon,
        lists: scan.nextPositions(),
      } as const
      return {
        $export: "end",
        status: results.some(({ isShort, error }) => isShort || error !== undefined) ? "short" : "complete",
        rows,
        lists: lists.flatMap(({ id }) =>
          results
            .filter(({ listId }) => listId === id)
            .map((result) => ({ ...result, asOf: Math.min(result.asOf, scan.limit()) }))
            .map((result) => toListEnd(result, uncounted.has(id), horizon)),
        ),
        count_differs: orNone(results.reduce((sum, { countDiffers }) => sum + countDiffers, 0)),
        cursor: options.isOpenEnded ? await sealCursor(cursor) : undefined,
        duration_ms: Math.round(now() - startedAt),
      }
    },
  }
}

/** What came of a list, for the line at the end. */
function toListEnd(
  { listId, rows, totalItems, asOf, countDiffers, error }: ListResult,
  isUncounted: boolean,
  horizon: Second,
) {
  if (error !== undefined) return { id: listId, rows, code: toAppError(error).code }
  return {
    id: listId,
    rows,
    total_items: isUncounted ? undefined : totalItems,
    count_differs: orNone(countDiffers),
    // The cursor of an export with an upper bound does not say when a list was done: not before the horizon.
    as_of: toDate(Number.isFinite(asOf) ? asOf : horizon),
  }
}

/** Most lists are counted right, and then nothing is said. */
function orNone(count: number): number | undefined {
  return count === 0 ? undefined : count
}

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  return new AppError("internal_error", "Cannot go on with the export as something failed here")
}

/** Undefined as long as Mailchimp's clock is not known. */
function toDate(second: Second): string | undefined {
  return !Number.isFinite(second) ? undefined : new Date(second * 1000).toISOString().replace(".000Z", "Z")
}
