import type { Cursor } from "../exports/cursor/cursor.ts"

export type RewindDeliveries = {
  /** Deliveries that arrived before the cursor's horizon are done. */
  open(cursor: string): Promise<Cursor>
  /** The cursor of the end of an export, but with the deliveries of the cursor from which that export continued. */
  to(from: string | undefined, end: string): Promise<string>
}

/**
 * An export that continues from a cursor delivers the rows that changed since, but no deletion: the tail that follows must read
 * the deliveries since that cursor, not those since the export.
 */
export function createRewindDeliveries(
  cursors: {
    open(text: string, selection: string): Promise<Cursor>
    seal(cursor: Cursor): Promise<string>
  },
  selection: string,
): RewindDeliveries {
  const open = (cursor: string) => cursors.open(cursor, selection)
  return {
    open,
    to: async (from, end) => {
      if (from === undefined) return end
      const cursor = await open(end)
      const { horizon } = await open(from)
      return cursors.seal({ ...cursor, horizon: Math.min(cursor.horizon, horizon) })
    },
  }
}
