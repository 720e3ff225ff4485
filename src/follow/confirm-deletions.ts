import { AppError } from "../errors.ts"
import type { Hint, Hints } from "./hints.ts"

/** How many members are requested between two passes, so that rows never wait long for them. */
const atOnce = 50

/** Codes of errors that concern one list or one moment, not the connection. */
const passing: ReadonlySet<string> = new Set([
  "list_not_found",
  "mailchimp_forbidden",
  "mailchimp_error",
  "mailchimp_timeout",
  "mailchimp_throttled",
  "mailchimp_blocked",
])

/**
 * Requests the members that may be gone, some at a time. Resolves to those that are: a delivery alone never deletes anybody.
 * If a request fails for a while, its hint is kept.
 *
 * @param exists whether Mailchimp has the member
 */
export async function confirmDeletions(
  hints: Pick<Hints, "due" | "done" | "denied">,
  exists: (hint: Hint) => Promise<boolean>,
): Promise<readonly Hint[]> {
  const check = async (hint: Hint) => {
    try {
      if (await exists(hint)) {
        hints.denied(hint)
        return []
      }
      hints.done(hint)
      return [hint]
    } catch (error) {
      if (!(error instanceof AppError) || !passing.has(error.code)) throw error
      if (!error.retryable) hints.done(hint)
      return []
    }
  }
  return (await Promise.all(hints.due(atOnce).map(check))).flat()
}
