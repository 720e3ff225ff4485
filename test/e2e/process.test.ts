import { afterAll, expect, test } from "bun:test"
import { dirname, join } from "node:path"
import { freePort } from "../../src/dev/free-port.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { startServiceProcess } from "../../src/dev/service-process.ts"
import { readLines } from "../support/event-lines.ts"
import { runScript } from "../support/run-to-end.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { until } from "../support/until.ts"

const mailchimp = startSandbox({
  decision: "approve",
  accounts: [{ lists: [{ name: "Long", count: 1200 }] }],
})
const services = serviceProcesses(mailchimp, { MAILCHIMP_PAGE_SIZE: "100" })
const { env, start } = services
afterAll(async () => {
  await services.end()
  await mailchimp.stop()
})

function runService(env: Record<string, string>) {
  return runScript(join(import.meta.dir, "../../src/main.ts"), env)
}

/** Begins an export whose second page is delayed. The single rows that are requested meanwhile do not matter. */
async function beginExport(service: { api: string }, query = "") {
  const headers = await connectAccount(service)
  const fault = mailchimp.sandbox.faults.add({
    match: { path: "/members", query: "count=100&" },
    action: { kind: "delay", ms: 1500 },
    skip: 1,
  })
  const response = await fetch(`${service.api}/export${query}`, { headers })
  await until("the delay of a page", () => fault.played > 0)
  return { headers, response }
}

test("started without required variables, the service prints one message, and ends with 1", async () => {
  const { exitCode, stdout, stderr } = await runService({ PORT: "x" })
  expect(exitCode).toBe(1)
  expect(stdout).toBe("")
  expect(stderr).toBe(`Cannot start because the environment is invalid:

  PORT must be a whole number from 1 to 65535
      The port to listen on
  JWT_SECRET is missing, and so is JWKS_URL: set one of them
      The secret of the platform's HS256 tokens; set this or JWKS_URL
  MAILCHIMP_CLIENT_ID is missing
      The client id of the app registered at Mailchimp
  MAILCHIMP_CLIENT_SECRET is missing
      The client secret of that app

Every variable is described in .env.example
`)
})

const maxRequests = "BUN_CONFIG_MAX_HTTP_REQUESTS"

/** What the service logs until it listens, started by a shell command. */
async function logUntilListening(command: string): Promise<string> {
  const port = String(freePort())
  const child = Bun.spawn(["sh", "-c", `exec env ${command}`], {
    cwd: join(import.meta.dir, "../.."),
    env: {
      PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
      BUN_OPTIONS: "--no-env-file",
      ...env,
      LOG_LEVEL: "info",
      PORT: port,
    },
    stdout: "pipe",
  })
  let log = ""
  for await (const chunk of child.stdout) {
    log += new TextDecoder().decode(chunk)
    if (log.includes("listening")) break
  }
  child.kill("SIGKILL")
  await child.exited
  return log
}

test("started with Bun's own limit of requests, the service logs one warning that names the variable", async () => {
  const log = await logUntilListening("bun src/main.ts")
  const warnings = log.split("\n").filter((line) => line.includes('"level":"warn"'))
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toContain(maxRequests)
})

test.each([
  ["`run start`", async () => String((await Bun.file("package.json").json()).scripts.start)],
  [
    "the README's line for production",
    async () => /`([^`\n]* bun src\/main\.ts)`/.exec(await Bun.file("README.md").text())?.[1] ?? "",
  ],
])("%s lifts Bun's limit of requests", async (_, read) => {
  const command = await read()
  expect(command).toContain(`${maxRequests}=`)
  const log = await logUntilListening(command)
  expect(log).toContain("listening")
  expect(log).not.toContain('"level":"warn"')
})

test.each([
  ["SQLITE_PATH", "/dev/null/export.sqlite", "/dev/null"],
  ["MONGODB_URI", "mongodb://127.0.0.1/?colour=red", "colour"],
])("a %s that cannot be used is one message, without a stack", async (name, value, part) => {
  const { exitCode, stderr } = await runService({ ...env, PORT: "65321", [name]: value })
  expect(exitCode).toBe(1)
  expect(stderr.trim().split("\n")).toHaveLength(1)
  expect(stderr).toContain(part)
})

test.each([
  [{ PUBLIC_URL: "http://localhost:3000" }, true],
  [{ MAILCHIMP_REDIRECT_URI: "http://localhost:3000/v1/integrations/mailchimp/callback" }, true],
  [{}, false],
])(
  "whether Mailchimp refuses the redirect URI of %j, which is a warning at the start: %p",
  async (changes, warns) => {
    const folder = temporaryFolder()
    const output = Bun.file(join(folder.path, "output"))
    const service = await startServiceProcess({ ...env, LOG_LEVEL: "info", ...changes }, { output })
    await service.stop()
    const lines = (await output.text()).split("\n").filter((line) => line.includes('"level":"warn"'))
    folder.remove()
    expect(lines.map((line) => line.includes("Mailchimp refuses localhost"))).toEqual(warns ? [true] : [])
  },
)

test("a second service on the same port does not start", async () => {
  const { url } = await start()
  const { exitCode, stderr } = await runService({ ...env, PORT: new URL(url).port })
  expect(exitCode).toBe(1)
  expect(stderr).toContain("is in use or not allowed: set PORT or HOST to another\n")
})

test("SIGTERM lets a running export finish, refuses new exports meanwhile, and ends with 0", async () => {
  const service = await start()
  const { headers, response } = await beginExport(service)
  const stopped = service.stop()
  let status = 200
  await until("a refusal of a new export", async () => {
    const response = await fetch(`${service.api}/export`, { headers })
    await response.body?.cancel()
    return (status = response.status) !== 200
  })
  expect([status, (await fetch(`${service.url}/readyz`)).status]).toEqual([503, 503])

  expect((await response.text()).trim().split("\n").length).toBeGreaterThan(900)
  expect((await stopped).exitCode).toBe(0)
}, 30_000)

test("an export that lasts longer than SHUTDOWN_TIMEOUT_MS is aborted, never ended cleanly", async () => {
  const service = await start({ SHUTDOWN_TIMEOUT_MS: "100" })
  const { response } = await beginExport(service)
  const stopped = service.stop()
  await expect(response.text()).rejects.toThrow()
  expect((await stopped).exitCode).toBe(0)
}, 30_000)

test.each([
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const)(
  "a second signal, %s, exits at once, whatever SHUTDOWN_TIMEOUT_MS says",
  async (second, exitCode) => {
    const service = await start({ SHUTDOWN_TIMEOUT_MS: "600000" })
    const { response } = await beginExport(service)
    const stopped = service.stop()
    await until("the shutdown", async () => (await fetch(`${service.url}/readyz`)).status === 503)
    const signaledMs = performance.now()
    process.kill(service.pid, second)
    expect((await stopped).exitCode).toBe(exitCode)
    expect(performance.now() - signaledMs).toBeLessThan(10_000)
    await expect(response.text()).rejects.toThrow()
  },
  30_000,
)

test("an export with events ends with an error line then, whose cursor resumes it", async () => {
  const service = await start({ SHUTDOWN_TIMEOUT_MS: "100" })
  const { headers, response } = await beginExport(service, "?events=true")
  const stopped = service.stop()
  const ids = new Set<unknown>()
  let cursor = ""
  const read = async (response: Response) => {
    for await (const line of readLines(response)) {
      if ("row" in line) ids.add(JSON.parse(line.row).id)
      else if (line.event.$export === "error") {
        expect(line.event).toMatchObject({ code: "draining", retryable: true })
        cursor = line.event.cursor
      }
    }
  }
  await expect(read(response)).rejects.toThrow()
  expect((await stopped).exitCode).toBe(0)
  const next = await start()
  await read(await fetch(`${next.api}/export?events=true&cursor=${cursor}`, { headers }))
  const [list] = mailchimp.sandbox.state.accounts[0]?.lists ?? []
  const members = [...mailchimp.sandbox.truth(list?.id ?? "").members()]
  expect(ids.size).toBe(members.filter(({ status }) => status !== "archived").length)
}, 30_000)
