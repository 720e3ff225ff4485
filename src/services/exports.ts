import { createCheckCursor } from "../exports/check-cursor.ts"
import { createStartExport } from "../exports/start-export.ts"
import type { Shared } from "./shared.ts"

export function toExportOptions({ config, sealer, clock }: Shared, shutdownSignal: AbortSignal) {
  const { mailchimp, cursorMarginS: marginS } = config
  return { sealer, pageSize: mailchimp.pageSize, marginS, shutdownSignal, clock }
}

export function createExports(shared: Shared, shutdownSignal: AbortSignal) {
  return {
    checkCursor: createCheckCursor(shared.sealer),
    startExport: createStartExport(toExportOptions(shared, shutdownSignal)),
  }
}
