import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi"
import { AppError } from "../../errors.ts"
import { jsonContent, problems } from "../openapi.ts"

const ok = z.object({ status: z.literal("ok") })
const tags = ["Health"]

const healthzRoute = createRoute({
  method: "get",
  path: "/healthz",
  operationId: "isAlive",
  summary: "Whether the process answers",
  tags,
  security: [],
  responses: { 200: jsonContent(ok, "It does") },
})

const readyzRoute = createRoute({
  method: "get",
  path: "/readyz",
  operationId: "isReady",
  summary: "Whether it can take work, with its database in reach",
  tags,
  security: [],
  responses: { 200: jsonContent(ok, "It can"), 503: problems[503] },
})

/** For the machines that run this service. Any query is taken, as theirs vary. */
export function createHealthRoutes(deps: {
  readonly ping: () => Promise<void>
  readonly isDraining: () => boolean
}) {
  const routes = new OpenAPIHono()
  routes.openapi(healthzRoute, (context) => context.json({ status: "ok" as const }, 200))
  routes.openapi(readyzRoute, async (context) => {
    if (deps.isDraining())
      throw new AppError("draining", "Cannot take new work as the service is shutting down")
    await deps.ping()
    return context.json({ status: "ok" as const }, 200)
  })
  return routes
}
