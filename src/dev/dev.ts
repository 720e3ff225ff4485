import { mkdirSync, rmSync } from "node:fs"
import { resolve } from "node:path"
import { apiPrefix } from "../http/envelope.ts"
import { startSandbox } from "../sandbox/serve.ts"
import { serviceEnvironment, startServiceProcess } from "./service-process.ts"
import { signToken } from "./sign-token.ts"

/**
 * The service for manual use, together with a sandbox Mailchimp. The service restarts when its source changes; the
 * sandbox, which holds the tokens, does not, so that a connection outlives a restart.
 */
const jwtSecret = "for-development-only-and-known-to-all"

/** Where Vite serves a page that is being developed; CORS_ORIGINS names others. */
const pageOrigins = process.env["CORS_ORIGINS"]?.trim() || "http://localhost:5173,http://127.0.0.1:5173"

const port = portOf("PORT", 3000)
const sandboxPort = portOf("SANDBOX_PORT", 3001)
// A database per port, because another `bun run dev` may use other ports.
const folder = resolve(import.meta.dir, `../../.data/dev${port === 3000 ? "" : `-${port}`}`)
if (port === sandboxPort)
  refuse("Cannot start because PORT and SANDBOX_PORT are the same: set SANDBOX_PORT to another")
// Both ports are checked first: if another instance uses them, its database must not be deleted.
requireFree("PORT", port)
requireFree("SANDBOX_PORT", sandboxPort)
const mailchimp = startSandbox({ port: sandboxPort })
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })

const service = await startServiceProcess(
  {
    ...serviceEnvironment(mailchimp.url),
    PORT: String(port),
    SQLITE_PATH: `${folder}/export.sqlite`,
    JWT_SECRET: jwtSecret,
    LOGIN_COOKIE: "off",
    CORS_ORIGINS: pageOrigins,
    FORWARD_URL_ORIGINS: `${pageOrigins},http://127.0.0.1:${port}`,
  },
  { watch: true },
)
// Before anything is printed, because a test that waits for that ends this process at once.
process.once("SIGINT", () => void end())
process.once("SIGTERM", () => void end())
const api = service.url + apiPrefix
const token = await signToken({ account_id: "acme", uid: "ada" }, jwtSecret, 30 * 24 * 3600)

process.stdout.write(`
Sandbox Mailchimp   ${mailchimp.url}
Service             ${service.url}
Console             ${service.url}/console#token=${token}

A token for the caller acme/ada, good for 30 days:

  export TOKEN=${token}

Connect: open the redirect_url that this prints, and consent. The login's cookie is off here,
because curl starts the login and your browser finishes it.

  curl -s -H "Authorization: Bearer $TOKEN" -H "Accept: application/json" "${api}/auth/login?forward_url=${service.url}/healthz"

Show the connection, then export every list.

  curl -s -H "Authorization: Bearer $TOKEN" ${api}/auth
  curl -sN -H "Authorization: Bearer $TOKEN" ${api}/export

Pages of ${pageOrigins.replaceAll(",", " and ")} may call the service, too; CORS_ORIGINS names others.

Or use the command.

  export MAILCHIMP_EXPORT_URL=${service.url} MAILCHIMP_EXPORT_TOKEN=$TOKEN
  npx -y bun@1.4.5 run export -- connect
  npx -y bun@1.4.5 run export -- pull --out contacts.csv

`)

function portOf(name: string, byDefault: number): number {
  const value = process.env[name]?.trim() || String(byDefault)
  const port = /^\d{1,5}$/.test(value) ? Number(value) : 0
  return port >= 1 && port <= 65_535
    ? port
    : refuse(`Cannot start because ${name} is not a port: set it to a number from 1 to 65535`)
}

function requireFree(name: string, port: number): void {
  try {
    const server = Bun.serve({
      port,
      hostname: "127.0.0.1",
      reusePort: false,
      fetch: () => new Response(),
    })
    void server.stop(true)
  } catch {
    refuse(`Cannot start because port ${port} is taken or not allowed: set ${name} to a free one`)
  }
}

function refuse(sentence: string): never {
  process.stderr.write(`${sentence}\n`)
  process.exit(1)
}

async function end(): Promise<never> {
  await service.stop()
  await mailchimp.stop()
  process.exit(0)
}
