import type { ListResult } from "../scan/list-scan.ts"
import type { Logger } from "./logger.ts"
import type { EventOf } from "./observe.ts"

/** Pages at level debug; the end always. */
export function logExport(logger: Logger, { requestId, event }: EventOf<"export">): void {
  const { type, ...rest } = event
  const line = { requestId, ...rest, ...(event.type === "list" ? { asOf: toDate(event.asOf) } : {}) }
  if (type === "page") logger.debug(line, "export: page")
  else if (type === "list_failed") logger.warn(line, "export: a list cannot be read")
  else if (event.type === "list") logger[isOdd(event) ? "warn" : "info"](line, "export: list")
  else if (type === "failed") logger.error(line, "export failed")
  else if (type === "stalled") logger.warn(line, "export: its consumer does not read")
  else if (event.type === "completed" && event.shortLists.length > 0) logger.warn(line, "export ended short")
  else logger.info(line, `export ${type}`)
}

/** Whether Mailchimp's responses were inconsistent, or differ from its known behavior. */
function isOdd({ isShort, countDiffers, hasOddSince, hasDatedAhead, isReadAgain }: ListResult): boolean {
  return isShort || countDiffers !== 0 || hasOddSince || hasDatedAhead || isReadAgain
}

/** Undefined for a list that was done before the export was resumed, if the cursor does not contain the time. */
function toDate(second: number): string | undefined {
  return Number.isFinite(second) ? new Date(second * 1000).toISOString() : undefined
}
