import { afterAll, expect, test } from "bun:test"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { freePort } from "../../src/dev/free-port.ts"
import { runScript } from "../support/run-to-end.ts"

const occupied = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() })
afterAll(() => occupied.stop(true))
const taken = String(occupied.port)

function runDev(env: Record<string, string>) {
  return runScript(join(import.meta.dir, "../../src/dev/dev.ts"), env)
}

test.each([
  [{ PORT: taken }, `Cannot start because port ${taken} is taken or not allowed: set PORT to a free one\n`],
  [
    { PORT: String(freePort()), SANDBOX_PORT: taken },
    `Cannot start because port ${taken} is taken or not allowed: set SANDBOX_PORT to a free one\n`,
  ],
  [{ PORT: "70000" }, "Cannot start because PORT is not a port: set it to a number from 1 to 65535\n"],
  [
    { PORT: String(freePort()), SANDBOX_PORT: "http" },
    "Cannot start because SANDBOX_PORT is not a port: set it to a number from 1 to 65535\n",
  ],
])("`run dev` with %j ends with one sentence that names the variable", async (env, sentence) => {
  expect(await runDev(env)).toEqual({ exitCode: 1, stdout: "", stderr: sentence })
})

test("`run dev` with the same port twice is refused", async () => {
  const port = String(freePort())
  const { exitCode, stderr } = await runDev({ PORT: port, SANDBOX_PORT: port })
  expect([exitCode, stderr]).toEqual([
    1,
    "Cannot start because PORT and SANDBOX_PORT are the same: set SANDBOX_PORT to another\n",
  ])
})

test("`run dev` uses PORT and SANDBOX_PORT, and lets a page of Vite's port call the service", async () => {
  const [PORT, SANDBOX_PORT] = [String(freePort()), String(freePort())]
  const child = Bun.spawn(
    [process.execPath, "--no-env-file", join(import.meta.dir, "../../src/dev/dev.ts")],
    {
      env: { PORT, SANDBOX_PORT },
      stdout: "pipe",
      stderr: "ignore",
    },
  )
  let printed = ""
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    printed += chunk
    if (printed.includes("/export\n\n")) break
  }
  expect(printed).toContain(`Sandbox Mailchimp   http://127.0.0.1:${SANDBOX_PORT}`)
  expect(printed).toContain(`Service             http://127.0.0.1:${PORT}`)
  const origin = "http://localhost:5173"
  const ready = await fetch(`http://127.0.0.1:${PORT}/readyz`, { headers: { origin } })
  expect(ready.status).toBe(200)
  expect(ready.headers.get("access-control-allow-origin")).toBe(origin)
  child.kill("SIGTERM")
  expect(await child.exited).toBe(0)
  rmSync(join(import.meta.dir, `../../.data/dev-${PORT}`), { recursive: true })
}, 30_000)
