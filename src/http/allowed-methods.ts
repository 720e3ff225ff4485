import type { OpenAPIHono } from "@hono/zod-openapi"
import type { MiddlewareHandler } from "hono"
import { matchedRoutes } from "hono/route"
import { AppError } from "../errors.ts"

type Routed = Pick<OpenAPIHono, "routes" | "router">

/** The method that Hono gives to middleware, which is not a route. */
const anyMethod = "ALL"

/** Every method that a route of the app has, sorted. A route with GET also has HEAD. */
export function methodsOf({ routes }: Pick<Routed, "routes">): string[] {
  const methods = routes.map(({ method }) => method).filter((method) => method !== anyMethod)
  return [...new Set(methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])))].toSorted()
}

/**
 * Refuses a method that the path does not have with 405 and `Allow` (RFC 9110, 15.5.6). A path without any route passes
 * on to its 404. Must run before authentication, because a wrong method does not depend on the token.
 */
export function refuseOtherMethods(app: Routed): MiddlewareHandler {
  return async (context, next) => {
    const hasRoute = matchedRoutes(context).some(({ method }) => method !== anyMethod)
    const allowed = hasRoute ? [] : methodsAt(app, context.req.path)
    if (allowed.length === 0) return next()
    context.res.headers.set("allow", allowed.join(", "))
    throw new AppError(
      "method_not_allowed",
      `Cannot use this method on this path: use one of ${allowed.join(", ")}`,
    )
  }
}

/** The methods of the path, found by the app's own router. */
function methodsAt(app: Routed, path: string): string[] {
  const routes = methodsOf(app).flatMap((method) =>
    app.router.match(method, path)[0].map(([[, route]]) => route),
  )
  return methodsOf({ routes })
}
