import { createApp } from "./app.ts"
import { parseConfig, secretsOf } from "./config.ts"
import { idleTimeoutS } from "./http/idle-timeout.ts"
import { createRedaction } from "./lib/redaction.ts"
import { createServices } from "./services.ts"

/** How often a service that shuts down looks whether its last request has ended. */
const drainTickMs = 50

/** How long an export that is cut may take to tell its consumer so: a while lies between its last line and the break. */
const lastWordsMs = 1000

/** Whatever keeps the service from starting is one message, for whoever starts it. */
async function start() {
  try {
    const config = parseConfig(process.env)
    const services = await createServices(config)
    const server = Bun.serve({
      fetch: createApp(services).fetch,
      hostname: config.host,
      port: config.port,
      // Else a second service on the same port would take half of the first one's requests, unnoticed.
      reusePort: false,
      idleTimeout: idleTimeoutS,
      development: false,
    })
    return { config, services, server }
  } catch (error) {
    const { redact } = createRedaction(secretsOf(process.env))
    process.stderr.write(`${redact(error instanceof Error ? error.message : String(error))}\n`)
    process.exit(1)
  }
}

const { config, services, server } = await start()
const { logger } = services
if (config.maxHttpRequests === undefined)
  logger.warn(
    "BUN_CONFIG_MAX_HTTP_REQUESTS is not set, so Bun starts 256 requests to Mailchimp at most: slow accounts will delay all others. Set it to 65535 before the process starts",
  )
logger.info({ url: server.url.origin, public_url: config.publicUrl }, "listening")
if ([config.publicUrl, config.mailchimp.redirectUri].some((url) => new URL(url).hostname === "localhost"))
  logger.warn(
    "Mailchimp refuses localhost as a redirect URI: set PUBLIC_URL to http://127.0.0.1 and the port",
  )

/**
 * Lets running requests finish, for a while. It goes on listening meanwhile, so that whoever comes, and whoever asks
 * /readyz, is told to go elsewhere instead of being refused.
 */
async function shutDown(signal: string): Promise<never> {
  logger.info({ signal, running: server.pendingRequests }, "shutting down")
  services.drain()
  await untilIdle(config.shutdownTimeoutMs)
  const cut = server.pendingRequests
  services.cutExports()
  await untilIdle(lastWordsMs)
  logger.info({ cut }, "stopped")
  await server.stop(true)
  await services.close()
  process.exit(0)
}

async function untilIdle(timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (server.pendingRequests > 0 && Date.now() < deadline) await Bun.sleep(drainTickMs)
}

process.once("SIGTERM", shutDown)
process.once("SIGINT", shutDown)
