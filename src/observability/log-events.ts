import { logDelivery } from "./delivery-log.ts"
import { logExport } from "./export-log.ts"
import { logFollow } from "./follow-log.ts"
import { logJob } from "./job-log.ts"
import type { Logger } from "./logger.ts"
import { logLoginFailed } from "./login-log.ts"
import { logMailchimp } from "./mailchimp-log.ts"
import type { Observe } from "./observe.ts"
import { logRequest } from "./request-log.ts"

/** Writes a log line for each event. */
export function logEvents(logger: Logger): Observe {
  return (event) => {
    switch (event.type) {
      case "request":
        return logRequest(logger, event)
      case "login_failed":
        return logLoginFailed(logger, event)
      case "export":
        return logExport(logger, event)
      case "mailchimp":
        return logMailchimp(logger, event)
      case "connections_not_checked":
        return logger.warn({ error: event.error }, event.type)
      case "redis_up":
        return logger.info({}, event.type)
      case "redis_down":
      case "connection_not_updated":
        return logger.error({ error: event.error }, event.type)
      case "delivery":
      case "deliveries_unsigned":
        return logDelivery(logger, event)
      case "follow_pass":
      case "follow_degraded":
      case "follower_ended":
        return logFollow(logger, event)
      case "disconnection_not_finished":
      case "token_not_opened":
      case "connection_malformed":
        return logger.error({ connection: event.connectionId, error: event.error }, event.type)
      default:
        return logJob(logger, event)
    }
  }
}
