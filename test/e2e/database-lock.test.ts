import { Database } from "bun:sqlite"
import { join } from "node:path"
import { expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { connectAccount, sandboxEnv, startService } from "../support/service.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"

test("while another process holds the database's write lock, 8 logins wait, but /healthz and an export do not", async () => {
  const folder = temporaryFolder()
  const sqlitePath = join(folder.path, "locked.sqlite")
  const mailchimp = startSandbox({ decision: "approve", accounts: [{ lists: [{ name: "Few", count: 50 }] }] })
  const service = await startService({ ...sandboxEnv(mailchimp), SQLITE_PATH: sqlitePath })
  try {
    const headers = await connectAccount(service)
    using other = new Database(sqlitePath)
    other.run("BEGIN IMMEDIATE")
    let connected = 0
    const logins = Array.from({ length: 8 }, async () => {
      await connectAccount(service)
      connected += 1
    })
    for (let made = 0; made < 5; made += 1) {
      expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
      const text = await (await fetch(`${service.api}/export`, { headers })).text()
      expect(text.split("\n").length).toBeGreaterThan(40)
    }
    expect(connected).toBe(0)
    other.run("ROLLBACK")
    await Promise.all(logins)
    expect(connected).toBe(8)
  } finally {
    await service.stop()
    await mailchimp.stop()
    folder.remove()
  }
})
