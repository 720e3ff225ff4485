import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi"
import { AppError } from "../../errors.ts"
import { jsonContent, problems } from "../openapi.ts"

const ok = z.object({ status: z.literal("ok") })
const ready = ok.extend({
  redis: z
    .enum(["up", "down"])
    .optional()
    .meta({ description: "Missing without REDIS_URL. Exports continue while it is down, more slowly" }),
})
const tags = ["Health"]

const healthzRoute = createRoute({
  method: "get",
  path: "/healthz",
  operationId: "isAlive",
  summary: "Whether the process responds",
  tags,
  security: [],
  responses: { 200: jsonContent(ok, "It responds") },
})

const readyzRoute = createRoute({
  method: "get",
  path: "/readyz",
  operationId: "isReady",
  summary: "Whether it can take requests and its database is reachable",
  tags,
  security: [],
  responses: { 200: jsonContent(ready, "It is ready"), 503: problems[503] },
})

/** For load balancers and orchestrators. Any query is accepted, because their probes vary. */
export function createHealthRoutes(deps: {
  readonly ping: () => Promise<void>
  readonly isRedisUp: (() => Promise<boolean>) | undefined
  readonly isDraining: () => boolean
}) {
  const routes = new OpenAPIHono()
  routes.openapi(healthzRoute, (context) => context.json({ status: "ok" as const }, 200))
  routes.openapi(readyzRoute, async (context) => {
    if (deps.isDraining())
      throw new AppError("draining", "Cannot accept new requests because the service is shutting down")
    const [isRedisUp] = await Promise.all([deps.isRedisUp?.(), deps.ping()])
    if (isRedisUp === undefined) return context.json({ status: "ok" as const }, 200)
    return context.json(
      { status: "ok" as const, redis: isRedisUp ? ("up" as const) : ("down" as const) },
      200,
    )
  })
  return routes
}
