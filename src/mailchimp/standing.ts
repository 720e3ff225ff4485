import { AppError } from "../errors.ts"
import type { Address } from "./address.ts"
import { createMailchimpError, InvalidToken, MailchimpError, type Subject } from "./errors.ts"

/** What is known about a connection beyond a single response, because any gateway may respond with 401 or 403. */
export type Standing = {
  /**
   * Reads the metadata endpoint, and resolves to the account's data center. Rejects with {@link InvalidToken} if the token
   * was revoked, and with another AppError if the endpoint does not say.
   */
  locate(signal: AbortSignal): Promise<string>
  /** Records a response that the user is disabled. Returns whether there were enough of them to believe it. */
  recordDisabled(): boolean
  /** Records a good response: the user is not disabled. */
  responded(): void
  /** Records that the connection cannot be used any more: its token was revoked, or its user is disabled. */
  invalidated(): Promise<void>
}

/**
 * Judges a failure in a data center by more than its one response. Resolves if the account has moved to another data center;
 * otherwise rejects, with a final error only if it is confirmed.
 */
export async function requireMoved(
  failure: unknown,
  dc: string,
  deps: {
    readonly standing: Standing | undefined
    readonly address: Address
    readonly subject: Subject
    readonly signal: AbortSignal
  },
): Promise<void> {
  const { standing, address, subject, signal } = deps
  if (!(failure instanceof MailchimpError) || standing === undefined) throw failure
  const { kind, upstream } = failure
  const invalidate = async (kind: "token_revoked" | "account_disabled", cause?: unknown): Promise<never> => {
    await standing.invalidated()
    throw createMailchimpError(kind, subject, { upstream, cause })
  }
  if (kind === "user_disabled" && standing.recordDisabled()) return invalidate("account_disabled")
  if (kind !== "unauthorized" && kind !== "wrong_datacenter") throw failure
  const locate = () =>
    standing.locate(signal).catch((cause: unknown) => {
      signal.throwIfAborted()
      if (cause instanceof InvalidToken) return invalidate("token_revoked", cause)
      // If the endpoint does not say, nothing is confirmed: the request is retried, and the endpoint read again.
      throw cause instanceof AppError ? failure : cause
    })
  if (!(await address.hasLeft(dc, locate))) throw failure
}
