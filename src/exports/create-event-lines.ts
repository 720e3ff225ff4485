import type { Clock } from "../lib/time.ts"
import { AppError } from "../errors.ts"
import type { Cursor } from "./cursor/cursor.ts"
import type { EventLine, EventLineOf } from "./event-lines.ts"
import type { ListResult } from "../scan/list-scan.ts"
import type { Plan } from "./plan.ts"
import type { ListNotice, Scan } from "../scan/scan.ts"
import type { Second } from "../scan/source.ts"
import { isShort } from "./short-lists.ts"

/** A list as event lines describe it. */
export type ExportList = EventLineOf<"start">["lists"][number]

export type EventLines = {
  /** The first lines: the start, and the lists deleted since the export that this one continues. */
  start(): EventLine[]
  /** A cursor for what the consumer has received so far, to resume from. */
  checkpoint(rows: number): Promise<EventLineOf<"checkpoint">>
  /** A list could not be read, or was deleted. */
  notice(notice: ListNotice): EventLineOf<"list_error" | "deleted">
  /** Written when no row has arrived for a while. */
  progress(rows: number): EventLineOf<"progress">
  error(error: unknown): Promise<EventLineOf<"error">>
  end(rows: number): Promise<EventLineOf<"end">>
}

export type EventOptions = {
  readonly exportId: string
  readonly lists: readonly ExportList[]
  readonly plan: Plan
  readonly scan: Scan
  readonly results: readonly ListResult[]
  /** Whether the next export can continue from the end: not if the caller set an upper bound. */
  readonly isOpenEnded: boolean
  readonly selection: string
  readonly sealCursor: (cursor: Cursor) => Promise<string>
  readonly requests: () => number
  readonly waitingFor: () => EventLineOf<"progress">["waiting_for"] | undefined
  readonly clock: Clock
}

/** Creates the lines that report the progress of an export and let the consumer resume it. */
export function createEventLines(options: EventOptions): EventLines {
  const { exportId, lists, plan, scan, results, selection, sealCursor, clock } = options
  const { horizon, isIncremental } = plan
  const startedMs = clock.monotonicMs()
  /**
   * Lists that were done in an earlier response and whose counts did not fit into the cursor. If several statuses were selected,
   * all lists, because Mailchimp counted all statuses.
   */
  const uncounted = new Set(
    plan.lists
      .filter(({ isDone, totalItems }) => plan.onlyStatuses || (isDone && totalItems === undefined))
      .map(({ id }) => id),
  )

  const checkpointCursor = () =>
    sealCursor({ kind: "checkpoint", selection, isIncremental, horizon, lists: scan.positions() })

  const deleted = (listId: string): EventLineOf<"deleted"> => ({
    $export: "deleted",
    list_id: listId,
    at: new Date(clock.now()).toISOString(),
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
      ...plan.deletedLists.map(deleted),
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
        status: results.some(isShort) ? "short" : "complete",
        rows,
        lists: lists.flatMap(({ id }) =>
          results
            .filter(({ listId }) => listId === id)
            .map((result) => ({ ...result, asOf: Math.min(result.asOf, scan.limit()) }))
            .map((result) => toListEnd(result, uncounted.has(id), horizon)),
        ),
        count_differs: orOmitted(results.reduce((sum, { countDiffers }) => sum + countDiffers, 0)),
        cursor: options.isOpenEnded ? await sealCursor(cursor) : undefined,
        duration_ms: Math.round(clock.monotonicMs() - startedMs),
      }
    },
  }
}

/** The outcome of a list, for the end line. */
function toListEnd(
  result: ListResult,
  isUncounted: boolean,
  horizon: Second,
): EventLineOf<"end">["lists"][number] {
  const { listId, rows, totalItems, asOf, countDiffers, error } = result
  const list = { id: listId, rows, short: isShort(result) || undefined }
  if (error !== undefined) return { ...list, code: toAppError(error).code }
  return {
    ...list,
    total_items: isUncounted ? undefined : totalItems,
    count_differs: orOmitted(countDiffers),
    // The cursor of an export with an upper bound does not say when a list was done: at the horizon or later.
    as_of: toDate(Number.isFinite(asOf) ? asOf : horizon),
  }
}

/** Omits the field in the usual case, in which the counts agree. */
function orOmitted(count: number): number | undefined {
  return count === 0 ? undefined : count
}

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  return new AppError("internal_error", "Cannot continue the export because of an internal error")
}

/** Undefined while Mailchimp's clock is unknown. */
function toDate(second: Second): string | undefined {
  return !Number.isFinite(second) ? undefined : new Date(second * 1000).toISOString().replace(".000Z", "Z")
}
