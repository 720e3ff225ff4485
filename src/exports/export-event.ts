import type { ListResult } from "../scan/list-scan.ts"

/** What happens in an export, for logs and metrics. */
export type ExportEvent =
  | { readonly type: "page"; readonly listId: string; readonly rows: number; readonly bytes: number }
  | ({ readonly type: "list" } & ListResult)
  /** The response ended normally. If lists are short, its end line says so. */
  | { readonly type: "completed"; readonly rows: number; readonly shortLists: readonly string[] }
  /** A list could not be read; the others are still exported. */
  | { readonly type: "list_failed"; readonly listId: string; readonly error: unknown }
  /** The consumer left or stopped the export. */
  | { readonly type: "left"; readonly rows: number }
  /** The transfer is truncated, because the response had already begun. */
  | { readonly type: "failed"; readonly rows: number; readonly error: unknown }
