import { createHash, timingSafeEqual } from "node:crypto"
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi"
import { AppError } from "../../errors.ts"
import { problems } from "../openapi.ts"

export type MetricsPage = {
  /** Undefined if anyone may read the metrics. */
  readonly token: string | undefined
  readonly contentType: string
  scrape(): Promise<string>
}

/** The metrics, for Prometheus. No route if there are none. Any query is accepted, as at the other routes for machines. */
export function createMetricsRoutes({
  metricsPage: page,
}: {
  readonly metricsPage: MetricsPage | undefined
}) {
  const routes = new OpenAPIHono()
  if (page === undefined) return routes
  const { token } = page
  if (token !== undefined) {
    const scheme = { type: "http", scheme: "bearer", description: "METRICS_TOKEN" } as const
    routes.openAPIRegistry.registerComponent("securitySchemes", "metricsToken", scheme)
  }
  const route = createRoute({
    method: "get",
    path: "/metrics",
    operationId: "readMetrics",
    summary: "Metrics in the text format of Prometheus",
    description:
      "Requires `METRICS_TOKEN` as its bearer token if that is set. With NODE_ENV=production a 404 without it.",
    tags: ["Health"],
    security: token === undefined ? [] : [{ metricsToken: [] }],
    responses: {
      200: { description: "The metrics", content: { "text/plain": { schema: z.string() } } },
      ...(token !== undefined && { 401: problems[401] }),
    },
  })
  routes.openapi(route, async (context) => {
    if (token !== undefined) requireToken(context.req.header("authorization"), token)
    return context.text(await page.scrape(), 200, {
      "content-type": page.contentType,
      "cache-control": "no-store",
    })
  })
  return routes
}

/** In constant time: digests have one length, whatever was sent. */
function requireToken(authorization: string | undefined, token: string): void {
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1] ?? ""
  if (!timingSafeEqual(digestOf(given), digestOf(token)))
    throw new AppError(
      "unauthorized",
      "Cannot show the metrics because METRICS_TOKEN is not the bearer token",
    )
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest()
}
