import { afterAll, expect, test } from "bun:test"
import { join } from "node:path"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { runScript } from "../support/run-to-end.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"

const key = (id: string, byte: number) => `${id}:${Buffer.alloc(32, byte).toString("base64")}`
const [oldKey, newKey] = [key("old", 1), key("new", 2)]
const mailchimp = startSandbox({
  decision: "approve",
  accounts: [{ lists: [{ name: "People", count: 30 }] }],
})
const services = serviceProcesses(mailchimp)
afterAll(async () => {
  await services.end()
  await mailchimp.stop()
})

function reseal(TOKEN_KEYS: string) {
  return runScript(join(import.meta.dir, "../../src/reseal.ts"), { ...services.env, TOKEN_KEYS })
}

test("a key is rotated while the service runs: no connection is lost, and then the older key is not needed", async () => {
  const before = await services.start({ TOKEN_KEYS: oldKey })
  const headers = await connectAccount(before)
  await before.stop()

  const during = await services.start({ TOKEN_KEYS: `${newKey},${oldKey}` })
  const { exitCode, stdout, stderr } = await reseal(`${newKey},${oldKey}`)
  expect([exitCode, stderr]).toEqual([0, ""])
  expect(stdout).toStartWith("tokens: 1 are sealed with key new, 1 of them by this run\n")
  expect((await fetch(`${during.api}/export`, { headers })).status).toBe(200)
  await during.stop()

  const after = await services.start({ TOKEN_KEYS: newKey })
  expect((await fetch(`${after.api}/export`, { headers })).status).toBe(200)
}, 30_000)

test("without the key of a token the run ends with 1 and names it; with an invalid environment with 2, and no secret is printed", async () => {
  const other = key("other", 3)
  const missing = await reseal(other)
  expect(missing.exitCode).toBe(1)
  expect(missing.stdout).toContain("tokens: 1 cannot be opened, sealed with key new")
  const invalid = await reseal("only-an-id")
  expect([invalid.exitCode, invalid.stdout]).toEqual([2, ""])
  expect(invalid.stderr).toContain("TOKEN_KEYS")
  for (const text of [missing.stdout, missing.stderr, invalid.stderr])
    for (const secret of [other, newKey, oldKey]) expect(text).not.toContain(secret.split(":")[1] ?? "")
})
