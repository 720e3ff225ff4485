import type { ListResult } from "../scan/list-scan.ts"
import type { ExportEvent } from "../exports/stream-export.ts"
import type { Logger } from "./logger.ts"

/** A line for each turn of an export: pages only when one looks closely, its end always. */
export function createExportLog(logger: Logger) {
  return (
    event: ExportEvent | { readonly type: "stalled" },
    requestLine: { readonly request_id: string },
  ): void => {
    const { type, ...rest } = event
    const line = { ...requestLine, ...rest, ...(event.type === "list" ? { asOf: toDate(event.asOf) } : {}) }
    if (type === "page") logger.debug(line, "export: page")
    else if (type === "list_failed") logger.warn(line, "export: a list cannot be read")
    else if (event.type === "list") logger[isOdd(event) ? "warn" : "info"](line, "export: list")
    else if (type === "failed") logger.error(line, "export failed")
    else if (type === "stalled") logger.warn(line, "export: its consumer does not read")
    else logger.info(line, `export ${type}`)
  }
}

/** Whether Mailchimp's answers did not add up, or differ from what it is known to do. */
function isOdd({ isShort, countDiffers, hasOddSince, hasDatedAhead, isReadAgain }: ListResult): boolean {
  return isShort || countDiffers !== 0 || hasOddSince || hasDatedAhead || isReadAgain
}

/** Undefined for a list that was done before the export was continued, and whose cursor does not say. */
function toDate(second: number): string | undefined {
  return Number.isFinite(second) ? new Date(second * 1000).toISOString() : undefined
}
