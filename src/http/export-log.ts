import type { ExportEvent } from "../exports/stream-export.ts"
import type { Logger } from "../observability/logger.ts"

/** A line for each turn of an export: pages only when one looks closely, its end always. */
export function createExportLog(logger: Logger) {
  return (
    event: ExportEvent | { readonly type: "stalled" },
    requestLine: { readonly request_id: string },
  ): void => {
    const { type, ...rest } = event
    const line = { ...requestLine, ...rest, ...(event.type === "list" ? { asOf: toDate(event.asOf) } : {}) }
    if (type === "page") logger.debug(line, "export: page")
    else if (event.type === "list")
      logger[event.isShort || event.hasOddSince ? "warn" : "info"](line, "export: list")
    else if (type === "failed") logger.error(line, "export failed")
    else if (type === "stalled") logger.warn(line, "export: its consumer does not read")
    else logger.info(line, `export ${type}`)
  }
}

/** Undefined for a list that was done before the export was continued, and whose cursor does not say. */
function toDate(second: number): string | undefined {
  return Number.isFinite(second) ? new Date(second * 1000).toISOString() : undefined
}
