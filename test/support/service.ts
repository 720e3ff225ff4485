import { join } from "node:path"
import { createApp } from "../../src/app.ts"
import { parseConfig } from "../../src/config.ts"
import { signToken } from "../../src/dev/sign-token.ts"
import { apiPrefix } from "../../src/http/envelope.ts"
import type { Clock } from "../../src/lib/time.ts"
import { createLogger } from "../../src/observability/logger.ts"
import type { RunningSandbox } from "../../src/sandbox/serve.ts"
import { serviceEnvironment } from "../../src/dev/service-process.ts"
import { createServices } from "../../src/services.ts"
import { createBrowser } from "./browser.ts"
import { temporaryFolder } from "./temporary-folder.ts"

export const jwtSecret = "only-for-tests-only-for-tests-only"

/** The environment that points a service at a sandbox. */
export function sandboxEnv(sandbox: Pick<RunningSandbox, "url">): Record<string, string> {
  return {
    NODE_ENV: "test",
    JWT_SECRET: jwtSecret,
    FORWARD_URL_ORIGINS: "https://app.example.com",
    ...serviceEnvironment(sandbox.url),
    MAILCHIMP_REQUESTS_PER_SECOND: "1000",
    LISTS_CACHE_S: "0",
    MAX_EXPORTS: "1000",
    MAX_EXPORTS_PER_CALLER: "1000",
  }
}

/** A service that listens, in this process, with everything that it logs. */
export type RunningService = Awaited<ReturnType<typeof startService>>

export async function startService(env: Record<string, string>, overrides: { readonly clock?: Clock } = {}) {
  const folder = temporaryFolder()
  const log: string[] = []
  // The port is known only once a server listens, and the app is built for that port.
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    development: false,
    // A reload does not change it.
    idleTimeout: 60,
    fetch: () => new Response(),
  })
  const config = parseConfig({
    SQLITE_PATH: join(folder.path, "export.sqlite"),
    JOB_FILES: join(folder.path, "jobs"),
    PUBLIC_URL: server.url.origin,
    ...env,
  })
  const services = await createServices(config, {
    toLogger: (redact) => createLogger("debug", { write: (line) => void log.push(line) }, redact),
    ...overrides,
  })
  server.reload({ fetch: createApp(services).fetch, development: false })
  return {
    url: server.url.origin,
    api: server.url.origin + apiPrefix,
    services,
    server,
    /** Every line that was logged so far. */
    log,
    stop: async () => {
      await server.stop(true)
      await services.close()
      folder.remove()
    },
  }
}

/** The header of a caller; each uid is another user of the platform. */
export async function bearer(
  uid: string,
  claims: Record<string, unknown> = {},
): Promise<Record<string, string>> {
  return {
    authorization: `Bearer ${await signToken({ account_id: "acme", uid, ...claims }, jwtSecret, 3600)}`,
  }
}

/** Connects an account as a browser would, and returns the header of the caller who then owns it. */
export async function connectAccount(
  service: Pick<RunningService, "api">,
  uid: string = crypto.randomUUID(),
  claims: Record<string, unknown> = {},
) {
  const headers = await bearer(uid, claims)
  const forwardUrl = encodeURIComponent("https://app.example.com/done")
  const reached = await createBrowser().follow(`${service.api}/auth/login?forward_url=${forwardUrl}`, headers)
  if (!reached.includes("status=success")) throw new Error(`Cannot connect: ${reached}`)
  return headers
}
