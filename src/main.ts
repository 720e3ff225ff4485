import { createApp } from "./app.ts"
import { ConfigError, parseConfig } from "./config.ts"
import { createServices } from "./services.ts"

/** Requests that do not move are cut after this; an export lifts it for itself. */
const idleTimeoutS = 60

function readConfig() {
  try {
    return parseConfig(process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  }
}

const config = readConfig()
const services = createServices(config)
const server = Bun.serve({
  fetch: createApp(services).fetch,
  hostname: config.host,
  port: config.port,
  idleTimeout: idleTimeoutS,
  development: false,
})
services.logger.info({ url: server.url.origin, public_url: config.publicUrl }, "listening")

/** Lets running exports finish, for a while, and takes no new ones. */
async function shutDown(signal: string): Promise<never> {
  services.logger.info({ signal, running: server.pendingRequests }, "shutting down")
  services.drain()
  await Promise.race([server.stop(), Bun.sleep(config.shutdownTimeoutMs)])
  await server.stop(true)
  await services.close()
  services.logger.info({}, "stopped")
  process.exit(0)
}

process.once("SIGTERM", shutDown)
process.once("SIGINT", shutDown)
