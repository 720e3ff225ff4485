import type { Usage } from "../mailchimp/usage.ts"
import type { ListResult } from "../scan/list-scan.ts"

/** What happens while an export reads and writes. */
export type StreamEvent =
  | { readonly type: "page"; readonly listId: string; readonly rows: number; readonly bytes: number }
  | ({ readonly type: "list" } & ListResult)
  /** A list could not be read; the others are still exported. */
  | { readonly type: "list_failed"; readonly listId: string; readonly error: unknown }

/** How an export ended, with the members that it wrote, and their bytes as Mailchimp sent them. */
export type StreamEnd = { readonly rows: number; readonly bytes: number } &
  /** The response ended normally. If lists are short, its end line says so. */
  (
    | { readonly type: "completed"; readonly shortLists: readonly string[] }
    /** The consumer left or stopped the export. */
    | { readonly type: "left" }
    /** The transfer is truncated, because the response had already begun. */
    | { readonly type: "failed"; readonly error: unknown }
    /** The export failed before its first byte, so the response has a status that says so. */
    | { readonly type: "refused"; readonly error: unknown }
  )

/** What an export took, from its start to its end. */
export type ExportUsage = Usage & { readonly connectionId: string; readonly durationMs: number }

/** What happens in an export, for logs, metrics and traces. Each export begins once and ends once. */
export type ExportEvent =
  { readonly type: "begins" } | StreamEvent | (StreamEnd & { readonly usage: ExportUsage })
