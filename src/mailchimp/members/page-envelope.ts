import { MalformedPage } from "./malformed-page.ts"

/** A members response without its rows. */
export type Envelope = Readonly<Record<string, unknown>>

export function isRecord(value: unknown): value is Envelope {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** The `total_items` of an envelope. Undefined if missing, or not a count. */
export function totalItemsOf(envelope: Envelope): number | undefined {
  const total = envelope["total_items"]
  return typeof total === "number" && Number.isSafeInteger(total) && total >= 0 ? total : undefined
}

/**
 * An envelope may lack `list_id`, e.g. if `fields` does not name it.
 *
 * @throws {MalformedPage} if the envelope names another list than the one that was requested
 */
export function requireList(envelope: Envelope, listId: string | undefined): void {
  const named = envelope["list_id"]
  if (listId === undefined || typeof named !== "string" || named === "" || named === listId) return
  throw new MalformedPage("it is a page of another list")
}

/** The value of a JSON text; undefined if it is not JSON. */
export function tryParse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
