import type { MiddlewareHandler } from "hono"
import { matchedRoutes } from "hono/route"
import type { AppError } from "../errors.ts"
import type { Logger } from "../observability/logger.ts"

export type RequestEnv = { Variables: { requestId: string; error?: AppError } }

/**
 * Logs a line for each request when its response begins. The line holds the pattern of the route, never its path or
 * query, which may hold codes, states and secrets.
 */
export function requestLog(logger: Logger): MiddlewareHandler<RequestEnv> {
  return async (context, next) => {
    const startedAt = performance.now()
    await next()
    const error = context.get("error")
    const { status } = context.res
    const line = {
      request_id: context.get("requestId"),
      method: context.req.method,
      route: routePattern(matchedRoutes(context)),
      status,
      duration_ms: Math.round(performance.now() - startedAt),
      ...(error === undefined ? {} : { code: error.code }),
      ...(error !== undefined && status >= 500 ? { error } : {}),
    }
    if (status === 499) logger.info(line, "client disconnected before the response")
    else if (status >= 500) logger.error(line, "request failed")
    else logger.info(line, "request")
  }
}

function routePattern(routes: readonly { path: string; method: string }[]): string {
  return routes.findLast(({ method }) => method !== "ALL")?.path ?? "none"
}
