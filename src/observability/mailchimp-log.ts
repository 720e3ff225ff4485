import type { Logger } from "./logger.ts"
import type { EventOf } from "./observe.ts"

/** Each request to Mailchimp at level debug, and anomalies as warnings. */
export function logMailchimp(logger: Logger, { event }: EventOf<"mailchimp">): void {
  if (event.type === "clocks_differ")
    logger.warn({ aheadS: event.aheadS }, "Mailchimp's clock and ours differ: one of them is wrong")
  else if (event.type === "count_differs")
    logger.warn(event, "mailchimp: its count of a collection differs from its items")
  else logger.debug(event, "mailchimp")
}
