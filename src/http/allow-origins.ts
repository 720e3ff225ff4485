import type { OpenAPIHono } from "@hono/zod-openapi"
import type { MiddlewareHandler } from "hono"
import { cors } from "hono/cors"
import { methodsOf } from "./allowed-methods.ts"

/** The request headers that a page of another origin may send: those that any route reads. */
const allowedHeaders = [
  "Authorization",
  "Export-Cursor",
  "Idempotency-Key",
  "Prefer",
  "Range",
  "If-Range",
  "Content-Type",
  "X-Request-Id",
]

/** The response headers that a page of another origin may read. */
const exposedHeaders = [
  "X-Request-Id",
  "Retry-After",
  "Location",
  "Age",
  "ETag",
  "Content-Range",
  "Content-Disposition",
]

/** CORS: pages of these origins may call the app's routes, with credentials. */
export function allowOrigins(
  origins: readonly string[],
  app: Pick<OpenAPIHono, "routes">,
): MiddlewareHandler {
  return cors({
    origin: [...origins],
    credentials: true,
    allowMethods: () => methodsOf(app),
    allowHeaders: allowedHeaders,
    exposeHeaders: exposedHeaders,
  })
}
