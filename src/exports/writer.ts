import { AppError } from "../errors.ts"
import type { ListResult } from "../scan/list-scan.ts"
import type { ListNotice } from "../scan/scan.ts"
import type { Encoder } from "./formats/format.ts"
import { shortLists } from "./short-lists.ts"

/** The bytes to write at each point of an export, where `rows` counts the members written so far. */
export type Writer = {
  /** Resolves when `start` can be called. Until then only `keepAlive` is called. */
  readonly ready?: Promise<void> | undefined
  start(): Uint8Array
  /** The members of a page, or of a part of it. */
  members(bytes: Uint8Array): Uint8Array
  /** After all members of a page. */
  pageEnd(rows: number): Uint8Array | Promise<Uint8Array>
  notice(notice: ListNotice): Uint8Array
  keepAlive(rows: number): Uint8Array
  failed(error: unknown): Uint8Array | Promise<Uint8Array>
  /** @throws {AppError} if the export may lack members and the format cannot say so */
  end(rows: number): Uint8Array | Promise<Uint8Array>
}

const nothing = new Uint8Array()

/** Writes the members alone. Then a clean end is the only sign that no member is missing. */
export function createPlainWriter(encoder: Encoder, results: readonly ListResult[]): Writer {
  return {
    ready: encoder.ready,
    start: encoder.start,
    members: encoder.rows,
    pageEnd: () => nothing,
    notice: () => nothing,
    keepAlive: encoder.keepAlive,
    failed: encoder.broken,
    end: () => {
      refuseIncomplete(results)
      return encoder.end()
    },
  }
}

function refuseIncomplete(results: readonly ListResult[]): void {
  const failed = results.find(({ error }) => error !== undefined)
  if (failed) throw failed.error
  const short = shortLists(results)
  if (short.length > 0) {
    throw new AppError(
      "mailchimp_error",
      `The export may be incomplete: Mailchimp's counts and rows disagree for list ${short.join(", ")}`,
    )
  }
}
