import { AppError, type ErrorCode } from "../errors.ts"
import type { ExportList } from "./event-lines.ts"
import type { Verdict } from "../scan/scan.ts"

/** Errors that can be those of one list: the others may still be read. */
const listCodes: ReadonlySet<ErrorCode> = new Set([
  "list_not_found",
  "mailchimp_forbidden",
  "mailchimp_error",
  "mailchimp_timeout",
])

/** Whether Mailchimp refuses a list, or does not know it: which says nothing of the others. */
export function isListError(error: unknown): boolean {
  return (
    error instanceof AppError && (error.code === "list_not_found" || error.code === "mailchimp_forbidden")
  )
}

/**
 * Judges errors of an export of all lists. A list that is not found may have been deleted meanwhile: then it is not in /lists
 * any more, which is read again. Lists that fail together share one reading.
 */
export function createJudgeError(readLists: (signal: AbortSignal) => Promise<readonly ExportList[]>) {
  let reading: Promise<readonly ExportList[]> | undefined

  return async (listId: string, error: unknown, signal: AbortSignal): Promise<Verdict> => {
    if (!(error instanceof AppError) || !listCodes.has(error.code)) return "export_failed"
    if (error.code !== "list_not_found") return "list_failed"
    reading ??= readLists(signal).finally(() => (reading = undefined))
    const lists = await reading
    return lists.some(({ id }) => id === listId) ? "list_failed" : "list_deleted"
  }
}
