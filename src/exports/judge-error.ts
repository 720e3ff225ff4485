import { AppError, type ErrorCode } from "../errors.ts"
import type { ExportList } from "./create-event-lines.ts"
import type { Verdict } from "../scan/scan.ts"

/** Errors that can concern a single list: the other lists may still be readable. */
const listCodes: ReadonlySet<ErrorCode> = new Set([
  "list_not_found",
  "mailchimp_forbidden",
  "mailchimp_error",
  "mailchimp_timeout",
])

/** Whether Mailchimp refuses or does not know a list, which says nothing about the others. */
export function isListError(error: unknown): boolean {
  return (
    error instanceof AppError && (error.code === "list_not_found" || error.code === "mailchimp_forbidden")
  )
}

/**
 * Judges errors of an export of all lists. A list that is not found may have been deleted during the export, so /lists is
 * read again to check. Lists that fail together share one request.
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
