import type { Sealer } from "../sealer.ts"
import { createSealedCursors } from "./cursor/sealed-cursor.ts"
import { type Selection, selectionId } from "./selection.ts"

/** Rejects if an export would refuse the cursor, without a request to Mailchimp. */
export type CheckCursor = (
  connectionId: string,
  request: {
    readonly cursor?: string | undefined
    readonly selection: Selection
    readonly listIds?: readonly string[] | undefined
  },
) => Promise<void>

export function createCheckCursor(sealer: Sealer): CheckCursor {
  return async (connectionId, { cursor, selection, listIds }) => {
    if (cursor === undefined) return
    await createSealedCursors(sealer, connectionId).open(cursor, selectionId(selection, listIds))
  }
}
