import { mkdirSync, rmSync } from "node:fs"
import { resolve } from "node:path"
import { signToken } from "./http/authenticate.ts"
import { apiPrefix } from "./http/envelope.ts"
import { startSandbox } from "./sandbox/serve.ts"
import { serviceEnvironment } from "./sandbox/service-environment.ts"
import { startServiceProcess } from "./sandbox/service-process.ts"

/**
 * The service to play with, beside a sandbox Mailchimp. The service restarts when its source changes; the sandbox, which
 * holds the tokens, does not, so that a connection outlives a restart.
 */
const folder = resolve(import.meta.dir, "../.data/dev")
const jwtSecret = "for-development-only-and-known-to-all"

// First, as it fails where another one runs, whose database must stay.
const mailchimp = startSandbox({ port: 3001 })
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })

const service = await startServiceProcess(
  {
    ...serviceEnvironment(mailchimp.url),
    PORT: "3000",
    SQLITE_PATH: `${folder}/export.sqlite`,
    JWT_SECRET: jwtSecret,
    LOGIN_COOKIE: "off",
  },
  { watch: true },
)
const api = service.url + apiPrefix
const token = await signToken({ account_id: "acme", uid: "ada" }, jwtSecret, 30 * 24 * 3600)

process.stdout.write(`
Sandbox Mailchimp   ${mailchimp.url}
Service             ${service.url}

A token for the caller acme/ada, good for 30 days:

  export TOKEN=${token}

Begin to connect: open the redirect_url that this prints, and consent. The login's cookie is off here, as curl asks for\nthe login and your browser finishes it.

  curl -s -H "Authorization: Bearer $TOKEN" -H "Accept: application/json" "${api}/auth/login?forward_url=${service.url}/healthz"

See the connection, then export every list.

  curl -s -H "Authorization: Bearer $TOKEN" ${api}/auth
  curl -sN -H "Authorization: Bearer $TOKEN" ${api}/export

`)

async function end(): Promise<never> {
  await service.stop()
  await mailchimp.stop()
  process.exit(0)
}

process.once("SIGINT", end)
process.once("SIGTERM", end)
