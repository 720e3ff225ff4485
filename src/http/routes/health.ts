import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi"
import { AppError } from "../../errors.ts"
import type { Jobs } from "../../jobs/jobs.ts"
import { jsonContent, problems } from "../openapi.ts"

const ok = z.object({ status: z.literal("ok") })
const upOrDown = z.enum(["up", "down"]).optional()
const ready = ok.extend({
  redis: upOrDown.meta({
    description: "Missing without REDIS_URL. Exports continue while it is down, more slowly",
  }),
  job_files: upOrDown.meta({
    description: "Missing without an object store. Exports continue while it is down",
  }),
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
  readonly jobs?: Pick<Jobs, "filesWatch"> | undefined
  readonly isDraining: () => boolean
}) {
  const routes = new OpenAPIHono()
  routes.openapi(healthzRoute, (context) => context.json({ status: "ok" as const }, 200))
  routes.openapi(readyzRoute, async (context) => {
    if (deps.isDraining())
      throw new AppError("draining", "Cannot accept new requests because the service is shutting down")
    const [isRedisUp, areFilesUp] = await Promise.all([
      deps.isRedisUp?.(),
      deps.jobs?.filesWatch?.isUp(),
      deps.ping(),
    ])
    return context.json(
      {
        status: "ok" as const,
        ...(isRedisUp !== undefined && { redis: stateOf(isRedisUp) }),
        ...(areFilesUp !== undefined && { job_files: stateOf(areFilesUp) }),
      },
      200,
    )
  })
  return routes
}

function stateOf(isUp: boolean): "up" | "down" {
  return isUp ? "up" : "down"
}
