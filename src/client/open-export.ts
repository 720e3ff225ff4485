import { type ExportOptions, toPath, toQuery } from "./export-options.ts"
import type { Member } from "./member.ts"
import { type Request, send } from "./request.ts"

/** Returns a function that requests an export from a cursor on. */
export function createOpen(options: ExportOptions, query: Request["query"] = toQuery(options)) {
  return (cursor: string | undefined, signal: AbortSignal) =>
    send(options, toPath(options), {
      signal,
      headers: { accept: "application/x-ndjson", ...(cursor !== undefined && { "export-cursor": cursor }) },
      query,
    })
}

/** What identifies a version of a member; undefined if its fields do not tell. */
export function keyOf({ id, list_id, last_changed }: Partial<Member>): string | undefined {
  return id && `${list_id} ${id} ${last_changed}`
}
