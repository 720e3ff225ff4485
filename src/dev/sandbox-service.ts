import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { StartSandbox } from "../command/start-sandbox.ts"
import { apiPrefix } from "../http/envelope.ts"
import { startSandbox } from "../sandbox/serve.ts"
import { followLogin } from "./follow-login.ts"
import { serviceEnvironment, startServiceProcess } from "./service-process.ts"
import { signToken } from "./sign-token.ts"

const lists = [
  { name: "Newsletter", count: 20_000 },
  { name: "Customers", count: 5000 },
]

/** A sandbox Mailchimp with two lists, and a service that is connected to it. Everything is removed in the end. */
export const startSandboxService: StartSandbox = async () => {
  const folder = mkdtempSync(join(tmpdir(), "mailchimp-export-"))
  const secret = crypto.getRandomValues(new Uint8Array(32)).toHex()
  const mailchimp = startSandbox({ decision: "approve", accounts: [{ lists }] })
  const service = await startServiceProcess(
    {
      ...serviceEnvironment(mailchimp.url),
      SQLITE_PATH: join(folder, "export.sqlite"),
      JOB_FILES: join(folder, "jobs"),
      JWT_SECRET: secret,
      FORWARD_URL_ORIGINS: "http://127.0.0.1",
      LOG_LEVEL: "silent",
    },
    { output: "ignore" },
  )
  const token = await signToken({ account_id: "acme", uid: "ada" }, secret, 3600)
  await followLogin(
    service.url + apiPrefix,
    { authorization: `Bearer ${token}` },
    { forwardUrl: "http://127.0.0.1/connected" },
  )
  return {
    service: { baseUrl: service.url, token },
    [Symbol.asyncDispose]: async () => {
      await service.kill()
      await mailchimp.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
