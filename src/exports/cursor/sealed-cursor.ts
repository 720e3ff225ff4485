import { inflateRawSync } from "node:zlib"
import { AppError, CannotOpen, SealedForAnother } from "../../errors.ts"
import type { Sealer } from "../../sealer.ts"
import type { Cursor } from "./cursor.ts"
import { createCursorFitter } from "./fit-cursor.ts"
import { parseCursorV1 } from "./version-1.ts"
import { decodeCursor } from "./version-2.ts"

/** Cursors as consumers see them: opaque texts that are bound to one connection. */
export type SealedCursors = {
  seal(cursor: Cursor): Promise<string>
  /**
   * @param selection the selection to continue
   * @throws {AppError} `invalid_cursor` if the text is not a cursor or belongs to another selection, `cursor_foreign` if it
   * belongs to another connection, `cursor_expired` if this version can no longer read it
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
            "Cannot continue the export because its cursor belongs to another connection: begin one without a cursor",
            {
              cause,
            },
          )
        }
        if (cause instanceof CannotOpen)
          throw invalid("must be an unchanged cursor of an export, or be left out", cause)
        throw cause
      })
      const cursor = parse(content)
      if (cursor.selection !== selection)
        throw invalid("must be used with the same lists, filters and fields as the export it comes from")
      return cursor
    },
  }
}

function parse(content: unknown): Cursor {
  try {
    if (content instanceof Uint8Array) return decodeCursor(content)
    return parseCursorV1(JSON.parse(inflateRawSync(Buffer.from(String(content), "base64")).toString()))
  } catch (cause) {
    throw new AppError(
      "cursor_expired",
      "Cannot continue the export because its cursor is of an older version: begin one without a cursor",
      {
        cause,
      },
    )
  }
}

function invalid(reason: string, cause?: unknown): AppError {
  const errors = [{ name: "cursor", reason }]
  return new AppError(
    "invalid_cursor",
    `Cannot continue the export because its cursor is invalid: it ${reason}`,
    {
      errors,
      cause,
    },
  )
}
