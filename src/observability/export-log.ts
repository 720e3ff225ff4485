import type { ExportUsage } from "../exports/export-event.ts"
import type { ListResult } from "../scan/list-scan.ts"
import type { Logger } from "./logger.ts"
import type { EventOf } from "./observe.ts"

/** Beginnings and pages at level debug; the end always, with what the export took. */
export function logExport(logger: Logger, { requestId, event }: EventOf<"export">): void {
  if ("usage" in event) return logEnd(logger, requestId, event)
  const { type, ...rest } = event
  const line = { requestId, ...rest, ...(event.type === "list" ? { asOf: toDate(event.asOf) } : {}) }
  if (type === "begins" || type === "page") logger.debug(line, `export: ${type}`)
  else if (type === "list_failed") logger.warn(line, "export: a list cannot be read")
  else if (event.type === "list") logger[isOdd(event) ? "warn" : "info"](line, "export: list")
  else logger.warn(line, "export: its consumer does not read")
}

function logEnd(
  logger: Logger,
  requestId: string,
  { type, usage, ...end }: Extract<EventOf<"export">["event"], { readonly usage: unknown }>,
): void {
  const { error, ...written } = { error: undefined, ...end }
  const line = { requestId, ...written, ...toUsageFields(usage) }
  if (type === "failed") logger.error({ ...line, error }, "export failed")
  else if ("shortLists" in end && end.shortLists.length > 0) logger.warn(line, "export ended short")
  // The line of its request has the error.
  else logger.info(line, `export ${type}`)
}

/** What an export took, as fields of a log line. */
export function toUsageFields({ connectionId: connection, ...usage }: ExportUsage) {
  return { connection, ...usage }
}

/** Whether Mailchimp's responses were inconsistent, or differ from its known behavior. */
function isOdd({ isShort, countDiffers, hasOddSince, hasDatedAhead, isReadAgain }: ListResult): boolean {
  return isShort || countDiffers !== 0 || hasOddSince || hasDatedAhead || isReadAgain
}

/** Undefined for a list that was done before the export was resumed, if the cursor does not contain the time. */
function toDate(second: number): string | undefined {
  return Number.isFinite(second) ? new Date(second * 1000).toISOString() : undefined
}
