import type { MailchimpExportError } from "../client/error.ts"
import type { ExportOptions } from "../client/export-options.ts"
import type { Service } from "../client/request.ts"
import type { Column } from "./member-table.browser.ts"
import type { Sink } from "./save.browser.ts"

/** What to export. */
export type Selection = Pick<ExportOptions, "lists" | "fields" | "status" | "include">

/** Something that runs, and shows how far it is. */
export type Run = {
  readonly element: HTMLElement
  readonly stop: () => void
  /** Whether it is over, and cannot be resumed. */
  readonly hasEnded: () => boolean
}

export type RunOptions = {
  readonly service: Service
  readonly listNames: ReadonlyMap<string, string>
  readonly onReconnect: (error: MailchimpExportError) => void
  readonly selection: Selection
  /** What is selected, in words. */
  readonly about: string
  /** Empty: all fields. */
  readonly columns: readonly Column[]
  /** About how many members there are; 0 if nobody can tell. */
  readonly estimate: number
  readonly file?: { readonly sink: Sink; readonly format: "ndjson" | "csv" } | undefined
}
