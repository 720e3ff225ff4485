import type { MailchimpEvent } from "../mailchimp/client.ts"
import type { Logger } from "./logger.ts"

/** Logs each request to Mailchimp at level debug, and anomalies as warnings. */
export function createMailchimpLog(logger: Logger) {
  return (event: MailchimpEvent): void => {
    if (event.type === "clocks_differ")
      logger.warn({ ahead_s: event.aheadS }, "Mailchimp's clock and ours differ: one of them is wrong")
    else if (event.type === "count_differs")
      logger.warn(event, "mailchimp: its count of a collection differs from its items")
    else logger.debug(event, "mailchimp")
  }
}
