import type { StartExport } from "../../src/exports/start-export.ts"
import { plainInput } from "./csv-lists.ts"

/** Called before the checkpoint of each page; the export waits for it, and fails if it rejects. */
type BeforePage = (page: number) => Promise<void> | void

/**
 * An export of pages with one row each, whose cursor is the number of the next page. Every page ends at a checkpoint, as the
 * real export writes them.
 */
export function createFakeExport(pages: number, beforePage: BeforePage = () => {}): StartExport {
  return async ({ format, cursor, account, onEvent }) => {
    if (!format.hasEvents) throw new Error("a job's export has events")
    const encoder = format.createEncoder(plainInput)
    const { line } = encoder
    return (async function* () {
      try {
        const estimate = { id: "a1b2c3d4e5", estimate: pages }
        yield line({ $export: "start", id: "job", lists: [estimate] })
        let rows = 0
        for (let page = Number(cursor ?? 0); page < pages; page += 1) {
          yield encoder.rows(Buffer.from(`\n{"page":${page}}`))
          rows += 1
          try {
            await beforePage(page)
          } catch (error) {
            onEvent?.({ type: "page", listId: "a1b2c3d4e5", rows: 1, bytes: 1 })
            const failure = { code: "mailchimp_error", detail: "Mailchimp failed", retryable: true }
            yield line({ $export: "error", ...failure, cursor: String(page + 1) })
            throw error
          }
          yield line({ $export: "checkpoint", cursor: String(page + 1), rows })
          onEvent?.({ type: "page", listId: "a1b2c3d4e5", rows: 1, bytes: 1 })
        }
        yield line({ $export: "end", status: "complete", rows, lists: [], cursor: "end", duration_ms: 1 })
      } finally {
        account[Symbol.dispose]()
      }
    })()
  }
}
