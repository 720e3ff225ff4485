import { constants } from "node:os"
import { createApp } from "./app.ts"
import { type Config, parseConfig } from "./config.ts"
import { secretsOf } from "./environment/secrets.ts"
import { idleTimeoutS } from "./http/timeouts.ts"
import { createRedaction } from "./lib/redaction.ts"
import { createServices } from "./services.ts"

/** How often a service that is shutting down checks whether its last request has ended. */
const drainTickMs = 50

/**
 * How long an aborted export may take to tell its consumer: some time passes between its last line and the broken
 * transfer.
 */
const lastWordsMs = 1000

/** Every error that keeps the service from starting is printed as one message for the operator. */
async function start() {
  try {
    const config = parseConfig(process.env)
    const services = await createServices(config)
    return { config, services, server: listen(config, createApp(services).fetch) }
  } catch (error) {
    const { redact } = createRedaction(secretsOf(process.env))
    process.stderr.write(`${redact(error instanceof Error ? error.message : String(error))}\n`)
    process.exit(1)
  }
}

function listen({ host, port }: Config, fetch: ReturnType<typeof createApp>["fetch"]) {
  try {
    return Bun.serve({
      fetch,
      hostname: host,
      port,
      // Otherwise a second service on the same port would silently take half of the first one's requests.
      reusePort: false,
      idleTimeout: idleTimeoutS,
      development: false,
    })
  } catch (error) {
    const detail = `Cannot start because port ${port} of ${host} is in use or not allowed: set PORT or HOST to another`
    throw new Error(detail, { cause: error })
  }
}

const { config, services, server } = await start()
const { logger } = services
if (config.maxHttpRequests === undefined)
  logger.warn(
    "BUN_CONFIG_MAX_HTTP_REQUESTS is not set, so Bun allows at most 256 concurrent requests to Mailchimp: slow accounts will delay all others. Set it to 65535 before the process starts",
  )
void services.finishInterrupted().catch((error: unknown) => {
  logger.error({ error }, "interrupted disconnections could not be finished")
})
logger.info({ url: server.url.origin, public_url: config.publicUrl }, "listening")
if ([config.publicUrl, config.mailchimp.redirectUri].some((url) => new URL(url).hostname === "localhost"))
  logger.warn(
    "Mailchimp refuses localhost as a redirect URI: set PUBLIC_URL to http://127.0.0.1 and the port",
  )

/**
 * Lets running requests finish for a while. The service keeps listening meanwhile, so that new requests, also those of
 * /readyz, get a response that sends them elsewhere instead of a refused connection.
 */
async function shutDown(signal: string): Promise<never> {
  logger.info({ signal, running: server.pendingRequests }, "shutting down")
  services.drain()
  await untilIdle(config.shutdownTimeoutMs)
  const aborted = server.pendingRequests
  services.abortExports()
  await untilIdle(lastWordsMs)
  logger.info({ aborted }, "stopped")
  await server.stop(true)
  await services.close()
  process.exit(0)
}

async function untilIdle(timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (server.pendingRequests > 0 && Date.now() < deadline) await Bun.sleep(drainTickMs)
}

let isShuttingDown = false

/** The first signal shuts down; a second one, of either kind, exits at once, like a process without a handler. */
function onSignal(signal: "SIGTERM" | "SIGINT"): void {
  if (isShuttingDown) {
    logger.warn({ signal }, "second signal: exits at once, and running exports break")
    process.exit(128 + constants.signals[signal])
  }
  isShuttingDown = true
  void shutDown(signal)
}

process.on("SIGTERM", () => onSignal("SIGTERM"))
process.on("SIGINT", () => onSignal("SIGINT"))
