import { Hono } from "hono"
import { AppError } from "../../errors.ts"

/**
 * For the machines that run this service: `/healthz` says that the process answers, `/readyz` that it can take work,
 * with its database in reach.
 */
export function createHealthRoutes(deps: {
  readonly ping: () => Promise<void>
  readonly isDraining: () => boolean
}) {
  const routes = new Hono()
  routes.get("/healthz", (context) => context.json({ status: "ok" }))
  routes.get("/readyz", async (context) => {
    if (deps.isDraining())
      throw new AppError("draining", "Cannot take new work as the service is shutting down")
    await deps.ping()
    return context.json({ status: "ok" })
  })
  return routes
}
