import type { Logger } from "./logger.ts"
import type { EventOf } from "./observe.ts"

export function logRequest(logger: Logger, event: EventOf<"request">): void {
  const { requestId, method, route, status, durationMs, error } = event
  const line = {
    requestId,
    method,
    route,
    status,
    durationMs,
    ...(error === undefined ? {} : { code: error.code }),
    ...(error !== undefined && status >= 500 ? { error } : {}),
  }
  if (status === 499) logger.info(line, "client disconnected before the response")
  else if (status >= 500) logger.error(line, "request failed")
  else logger.info(line, "request")
}
