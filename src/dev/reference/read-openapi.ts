import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createApp } from "../../app.ts"
import { parseConfig } from "../../config.ts"
import { createServices } from "../../services.ts"

/** The document at /openapi.json. */
export async function readOpenApi(): Promise<unknown> {
  return (await request("/openapi.json")).json()
}

/** The text at /metrics. */
export async function readMetrics(): Promise<string> {
  return (await request("/metrics")).text()
}

/** Requests a path of a service that never listens and has a database of its own for the moment. */
async function request(path: string): Promise<Response> {
  const folder = mkdtempSync(join(tmpdir(), "openapi-"))
  try {
    const services = await createServices(
      parseConfig({
        JWT_SECRET: "only-to-read-the-document-of-its-routes",
        MAILCHIMP_CLIENT_ID: "none",
        MAILCHIMP_CLIENT_SECRET: "none",
        LOG_LEVEL: "silent",
        SQLITE_PATH: join(folder, "export.sqlite"),
      }),
    )
    const response = await createApp(services).request(path)
    await services.close()
    return response
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
