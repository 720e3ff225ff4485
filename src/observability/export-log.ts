import type { ListResult } from "../scan/list-scan.ts"
import type { ExportEvent } from "../exports/stream-export.ts"
import type { Logger } from "./logger.ts"

/** Logs the events of an export: pages at level debug, its end always. */
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

/** Whether Mailchimp's responses were inconsistent, or differ from its known behavior. */
function isOdd({ isShort, countDiffers, hasOddSince, hasDatedAhead, isReadAgain }: ListResult): boolean {
  return isShort || countDiffers !== 0 || hasOddSince || hasDatedAhead || isReadAgain
}

/** Undefined for a list that was done before the export was resumed, if the cursor does not contain the time. */
function toDate(second: number): string | undefined {
  return Number.isFinite(second) ? new Date(second * 1000).toISOString() : undefined
}
