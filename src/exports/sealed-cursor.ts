import { inflateRawSync } from "node:zlib"
import { AppError, CannotOpen, SealedForAnother } from "../errors.ts"
import type { Sealer } from "../sealer.ts"
import { type Cursor, parseCursorV1 } from "./cursor.ts"
import { decodeCursor } from "./cursor-bytes.ts"
import { createCursorFitter } from "./fit-cursor.ts"

/** Cursors as consumers see them: texts that only this service can read, bound to one connection. */
export type SealedCursors = {
  seal(cursor: Cursor): Promise<string>
  /**
   * @param selection the selection that is to be continued
   * @throws {AppError} `invalid_cursor` when it is none, or of another selection, `cursor_foreign` when it is of another
   * connection, `cursor_expired` when it can no longer be honoured
   */
  open(text: string, selection: string): Promise<Cursor>
}

export function createSealedCursors(sealer: Sealer, connectionId: string): SealedCursors {
  const binding = { purpose: "cursor", owner: connectionId } as const
  const fit = createCursorFitter()
  return {
    seal: (cursor) => sealer.seal(fit(cursor), binding),
    open: async (text, selection) => {
      const content = await sealer.open(text, binding).catch((cause: unknown) => {
        if (cause instanceof SealedForAnother) {
          throw new AppError(
            "cursor_foreign",
            "Cannot continue the export as its cursor is of another connection",
            {
              cause,
            },
          )
        }
        if (cause instanceof CannotOpen) throw invalid("must be a cursor as an export gave it", cause)
        throw cause
      })
      const cursor = parse(content)
      if (cursor.selection !== selection)
        throw invalid("must come with the lists, filters and fields that it was given for")
      return cursor
    },
  }
}

function parse(content: unknown): Cursor {
  try {
    if (content instanceof Uint8Array) return decodeCursor(content)
    return parseCursorV1(JSON.parse(inflateRawSync(Buffer.from(String(content), "base64")).toString()))
  } catch (cause) {
    throw new AppError("cursor_expired", "Cannot continue the export as its cursor is of an older version", {
      cause,
    })
  }
}

function invalid(reason: string, cause?: unknown): AppError {
  const errors = [{ name: "cursor", reason }]
  return new AppError(
    "invalid_cursor",
    `Cannot continue the export as its cursor is not right: it ${reason}`,
    {
      errors,
      cause,
    },
  )
}
