import { type ExportOptions, toDate } from "./export-options.ts"
import type { Service } from "./request.ts"

export type JobOptions = Service &
  Pick<ExportOptions, "lists" | "fields" | "excludeFields" | "status" | "since" | "before" | "include"> & {
    /** Exports what changed since another job or export: its `cursor`. */
    readonly cursor?: string | undefined
    /** `ndjson` by default. */
    readonly format?: "ndjson" | "csv" | undefined
    /** Of each part: `gzip` by default. */
    readonly compression?: "gzip" | "none" | undefined
    /** CSV only. By default a value that a spreadsheet would run as a formula has an apostrophe before it. */
    readonly formulas?: "defused" | "raw" | undefined
    /** CSV only: the first part begins with a byte order mark, for Excel. */
    readonly bom?: boolean | undefined
    /** Within 24 hours, the same key with the same options gives the same job: then a start can be repeated. */
    readonly idempotencyKey?: string | undefined
  }

export function toJobBody(options: JobOptions) {
  const { lists, fields, excludeFields, status, since, before, include } = options
  const { cursor, format, compression, formulas, bom } = options
  return {
    list_id: lists,
    fields,
    exclude_fields: excludeFields,
    status: status && [status].flat(),
    since_last_changed: toDate(since),
    before_last_changed: toDate(before),
    include,
    cursor,
    format,
    compression,
    formulas,
    bom,
  }
}
