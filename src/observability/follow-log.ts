import { AppError } from "../errors.ts"
import type { Logger } from "./logger.ts"
import type { EventOf } from "./observe.ts"

/** Passes that nothing caused but the interval at level debug. */
export function logFollow(
  logger: Pick<Logger, "debug" | "info" | "warn" | "error">,
  event: EventOf<"follow_pass" | "follow_degraded" | "follower_ended">,
): void {
  if (event.type === "follow_pass") {
    const { type: _, connectionId, ...rest } = event
    const isQuiet = rest.woken === 0 && rest.rows === 0 && rest.deleted === 0
    logger[isQuiet ? "debug" : "info"]({ connection: connectionId, ...rest }, "follow: pass")
  } else if (event.type === "follow_degraded") {
    const { connectionId, error } = event
    logger.warn({ connection: connectionId, error }, "follow_degraded: deliveries or webhooks cannot be read")
  } else {
    const { requestId, error } = event
    const isFault = error !== undefined && !(error instanceof AppError)
    logger[isFault ? "error" : "info"]({ requestId, error }, "follower ended")
  }
}
