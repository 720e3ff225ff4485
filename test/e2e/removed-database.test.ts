import { rmSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { sandboxEnv, startService } from "../support/service.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { until } from "../support/until.ts"

test("/readyz is a 503 once the file of the database was removed, but /healthz is not", async () => {
  const folder = temporaryFolder()
  const sqlitePath = join(folder.path, "export.sqlite")
  const mailchimp = startSandbox()
  const service = await startService({ ...sandboxEnv(mailchimp), SQLITE_PATH: sqlitePath })
  try {
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200)
    rmSync(sqlitePath)
    await until("a refusal of /readyz", async () => (await fetch(`${service.url}/readyz`)).status !== 200, {
      everyMs: 50,
    })
    const refused = await fetch(`${service.url}/readyz`)
    expect([refused.status, await refused.json()]).toMatchObject([503, { code: "database_unavailable" }])
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
  } finally {
    await service.stop()
    await mailchimp.stop()
    folder.remove()
  }
}, 15_000)
