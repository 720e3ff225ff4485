import type { MailchimpExportError } from "./error.ts"
import type { MemberStatus } from "./member.ts"
import type { Service } from "./request.ts"
import type { WaitingFor } from "./types.ts"

export type ExportOptions = Service & {
  /** The ids of the lists; all lists by default. */
  readonly lists?: readonly string[] | undefined
  /** Only these fields of a member, by Mailchimp's dotted names, such as `merge_fields.FNAME`. */
  readonly fields?: readonly string[] | undefined
  /** All fields except these. */
  readonly excludeFields?: readonly string[] | undefined
  /** Only members of these statuses; by default of all statuses except `archived`. */
  readonly status?: MemberStatus | readonly MemberStatus[] | undefined
  /** Only members changed after this time. */
  readonly since?: string | Date | undefined
  /** Only members changed at or before this time. Such an export ends without a cursor. */
  readonly before?: string | Date | undefined
  /** Archived members too. */
  readonly include?: "archived" | undefined
  /** Resumes an export (the cursor of a page, or `cursor` after a failure), or exports what changed since (`end.cursor`). */
  readonly cursor?: string | undefined
  /** How often to retry without receiving anything new: 8 by default. */
  readonly maxRetries?: number | undefined
  /** Called for each page, when the service waits, and before a retry. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

export type Progress = {
  /** Members received so far. */
  readonly rows: number
  /** About how many members there are, from Mailchimp's own statistics. */
  readonly estimate: number
  /** What the service waits for, if it waits. */
  readonly waitingFor?: WaitingFor
  /** Why the export is about to be resumed. */
  readonly error?: MailchimpExportError
}

/** The path of the export: one list has a route of its own. */
export function toPath({ lists }: ExportOptions): string {
  return lists?.length === 1 ? `/export/${encodeURIComponent(lists.join())}` : "/export"
}

export function toQuery({ lists, fields, excludeFields, status, since, before, include }: ExportOptions) {
  return {
    events: "true",
    list_id: lists?.length === 1 ? undefined : lists?.join(),
    fields: fields?.join(),
    exclude_fields: excludeFields?.join(),
    status: status?.toString(),
    since_last_changed: toDate(since),
    before_last_changed: toDate(before),
    include,
  }
}

export function toDate(date: string | Date | undefined): string | undefined {
  return typeof date === "object" ? date.toISOString() : date
}
