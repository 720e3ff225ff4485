import type { MiddlewareHandler } from "hono"
import { matchedRoutes } from "hono/route"
import type { AppError } from "../errors.ts"
import type { Observe } from "../observability/observe.ts"

export type RequestEnv = { Variables: { requestId: string; error?: AppError } }

/** Reports each request when its response begins. */
export function observeRequests(observe: Observe): MiddlewareHandler<RequestEnv> {
  return async (context, next) => {
    const startedAt = performance.now()
    await next()
    observe({
      type: "request",
      requestId: context.get("requestId"),
      method: context.req.method,
      route: routePattern(matchedRoutes(context)),
      status: context.res.status,
      durationMs: performance.now() - startedAt,
      error: context.get("error"),
    })
  }
}

function routePattern(routes: readonly { path: string; method: string }[]): string {
  return routes.findLast(({ method }) => method !== "ALL")?.path ?? "none"
}
