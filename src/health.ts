/** Whether a service with the same environment responds on this machine: the health check of the image. */
import { parseConfig } from "./config.ts"
import { hostInUrl } from "./environment/values.ts"

/** Less than the Dockerfile allows the check, so that it can still say what is wrong. */
const timeoutMs = 3000

try {
  const { host, port } = parseConfig(process.env)
  const url = `http://${hostInUrl(host)}:${port}/healthz`
  const { status } = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) })
  if (status !== 200) throw new Error(`The service responds with ${status}`)
  process.exit(0)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
