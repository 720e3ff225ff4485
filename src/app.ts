import { OpenAPIHono } from "@hono/zod-openapi"
import { requestId } from "hono/request-id"
import { secureHeaders } from "hono/secure-headers"
import consolePage from "./console/console.html"
import { allowOrigins } from "./http/allow-origins.ts"
import { refuseOtherMethods } from "./http/allowed-methods.ts"
import { authenticate } from "./http/authenticate.ts"
import { apiPrefix } from "./http/envelope.ts"
import { openapiDocument, registerComponents } from "./http/openapi.ts"
import { onError, onNotFound } from "./http/problem.ts"
import { observeRequests } from "./http/observe-requests.ts"
import { createAuthRoutes } from "./http/routes/auth.ts"
import { createConsoleRoutes } from "./http/routes/console.ts"
import { createDocsRoutes } from "./http/routes/docs.ts"
import { createDeliveryRoutes } from "./http/routes/deliveries.ts"
import { createExportJobRoutes } from "./http/routes/export-jobs.ts"
import { createExportRoutes } from "./http/routes/export.ts"
import { createHealthRoutes } from "./http/routes/health.ts"
import { createJobFileRoutes } from "./http/routes/job-files.ts"
import { createListWebhookRoutes } from "./http/routes/list-webhook.ts"
import { createListRoutes } from "./http/routes/lists.ts"
import { createMetricsRoutes } from "./http/routes/metrics.ts"
import type { Services } from "./services.ts"

/** Every middleware and route, in the order in which a request passes them. */
export function createApp(services: Services) {
  const app = new OpenAPIHono()
  app.onError(onError)
  app.notFound(onNotFound)

  app.use(requestId({ limitLength: 64 }))
  app.use(observeRequests(services.observe))
  app.use(secureHeaders())
  app.use(allowOrigins(services.corsOrigins, app))
  app.use(refuseOtherMethods(app))

  app.route("/", createHealthRoutes(services))
  app.route("/", createMetricsRoutes(services))
  if (services.role === "worker") return app
  const authenticated = authenticate(services.verifyToken)
  app.route(apiPrefix, createAuthRoutes({ ...services, authenticated }))
  app.route(apiPrefix, createListRoutes({ ...services, authenticated }))
  app.route(apiPrefix, createListWebhookRoutes({ ...services, authenticated }))
  app.route(apiPrefix, createDeliveryRoutes(services))
  app.route(apiPrefix, createExportRoutes({ ...services, authenticated }))
  app.route(apiPrefix, createExportJobRoutes({ ...services, authenticated }))
  app.route(apiPrefix, createJobFileRoutes({ ...services, authenticated }))

  app.route("/", createConsoleRoutes(consolePage))

  registerComponents(app)
  const head = openapiDocument(services.publicUrl)
  app.doc31("/openapi.json", head)
  app.route("/", createDocsRoutes({ ...services, readDocument: () => app.getOpenAPI31Document(head) }))
  return app
}
