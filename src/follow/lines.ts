import { AppError } from "../errors.ts"
import type { EventLineOf } from "../exports/event-lines.ts"
import type { Second } from "../scan/source.ts"
import type { Hint } from "./hints.ts"

/** The event lines of a follower, as values. */

export function listDeleted(listId: string, nowMs: number): EventLineOf<"deleted"> {
  return { $export: "deleted", list_id: listId, at: toDate(nowMs), reason: "list_deleted" }
}

export function memberDeleted(
  { listId, memberId, newMemberId }: Hint,
  nowMs: number,
): EventLineOf<"deleted"> {
  const at = toDate(nowMs)
  const gone = { $export: "deleted", list_id: listId, at, id: memberId } as const
  return newMemberId === undefined
    ? { ...gone, reason: "member_deleted" }
    : { ...gone, reason: "address_changed", new_id: newMemberId }
}

export function listError(listId: string, error: unknown): EventLineOf<"list_error"> {
  return { $export: "list_error", list_id: listId, ...failureOf(error) }
}

export function caughtUp(
  cursor: string,
  { asOf, intervalS }: { readonly asOf: Second | undefined; readonly intervalS: number },
): EventLineOf<"caught_up"> {
  const as_of = asOf === undefined ? undefined : toDate(asOf * 1000).replace(".000Z", "Z")
  return { $export: "caught_up", as_of, cursor, interval_s: intervalS }
}

export function failed(error: unknown, cursor: string): EventLineOf<"error"> {
  const { upstream, ...failure } = failureOf(error)
  return { $export: "error", ...failure, cursor, upstream }
}

function failureOf(error: unknown) {
  const { code, detail, retryable, upstream } =
    error instanceof AppError
      ? error
      : new AppError("internal_error", "Cannot continue to follow because of an internal error")
  // The token of the request has expired: with another one, the same request succeeds.
  return { code, detail, retryable: retryable || code === "unauthorized", upstream }
}

function toDate(ms: number): string {
  return new Date(ms).toISOString()
}
