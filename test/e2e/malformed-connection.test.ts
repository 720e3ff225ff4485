import { Database } from "bun:sqlite"
import { afterAll, beforeAll, expect, test } from "bun:test"
import { join } from "node:path"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { connectAccount, sandboxEnv, startService, type RunningService } from "../support/service.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"

const folder = temporaryFolder()
const sqlitePath = join(folder.path, "malformed.sqlite")
const mailchimp = startSandbox({ decision: "approve", accounts: [{ lists: [{ name: "Few", count: 5 }] }] })
let service: RunningService

beforeAll(async () => {
  service = await startService({ ...sandboxEnv(mailchimp), SQLITE_PATH: sqlitePath })
})
afterAll(async () => {
  await service.stop()
  await mailchimp.stop()
  folder.remove()
})

test.each([
  ["metadata", "metadata = '{'"],
  ["metadata", `metadata = '{"dc":7}'`],
  ["token_invalidated", "token_invalidated = 7"],
  ["connected_at_ms", "connected_at_ms = 9000000000000000"],
])("a row with a malformed %s can be replaced by a login, and deleted (%s)", async (field, change) => {
  const uid = crypto.randomUUID()
  const headers = await connectAccount(service, uid)
  const statusOf = async (path: string, method = "GET") =>
    (await fetch(service.api + path, { method, headers })).status
  const corrupt = () => {
    using raw = new Database(sqlitePath)
    raw.query(`UPDATE connections SET ${change} WHERE owner = ?`).run(uid)
  }

  corrupt()
  expect([await statusOf("/lists"), await statusOf("/export"), await statusOf("/auth")]).toEqual([
    409, 409, 200,
  ])
  const lines = service.log.filter((line) => line.includes("connection_malformed"))
  expect(lines.at(-1)).toContain(`malformed: ${field}`)
  await connectAccount(service, uid)
  expect(await statusOf("/lists")).toBe(200)

  corrupt()
  expect(await statusOf("/auth", "DELETE")).toBe(200)
  expect(await statusOf("/auth")).toBe(404)
  await connectAccount(service, uid)
  expect(await statusOf("/lists")).toBe(200)
})
