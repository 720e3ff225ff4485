import type { Logger } from "./logger.ts"
import type { EventOf } from "./observe.ts"

export function logDelivery(
  logger: Pick<Logger, "info" | "warn">,
  event: EventOf<"delivery" | "deliveries_unsigned">,
): void {
  if (event.type === "delivery") {
    const { connectionId, listId, kind } = event
    logger.info({ connection: connectionId, listId, kind }, "delivery")
  } else {
    const { listId, count } = event
    logger.warn(
      { listId, count },
      "deliveries without a valid signature were ignored: the list is that of the last",
    )
  }
}
