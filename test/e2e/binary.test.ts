import { afterAll, beforeAll, expect, test } from "bun:test"
import { join } from "node:path"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { startCollector } from "../support/collector.ts"
import { buildExecutable } from "../support/executable.ts"
import { createJobClient } from "../support/job-client.ts"
import { atomicMongodb } from "../support/mongodb.ts"
import { receiveExport } from "../support/received-export.ts"
import { describeWithRedis, startRedis } from "../support/redis-server.ts"
import { runToEnd } from "../support/run-to-end.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { until } from "../support/until.ts"

const key = (id: string, byte: number) => `${id}:${Buffer.alloc(32, byte).toString("base64")}`
const [oldKey, newKey] = [key("old", 1), key("new", 2)]
const count = 300
const mailchimp = startSandbox({ decision: "approve", accounts: [{ lists: [{ name: "People", count }] }] })
const collector = startCollector()
const folder = temporaryFolder()
const executable = join(folder.path, "mailchimp-export-service")
const services = serviceProcesses(
  mailchimp,
  { TOKEN_KEYS: oldKey, MAILCHIMP_PAGE_SIZE: "100", OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
  { executable },
)
let service: Awaited<ReturnType<typeof services.start>>
let headers: Awaited<ReturnType<typeof connectAccount>>

beforeAll(async () => {
  await buildExecutable(folder.path)
  service = await services.start()
  headers = await connectAccount(service)
}, 120_000)
afterAll(async () => {
  await services.end()
  await Promise.all([mailchimp.stop(), collector.stop()])
  folder.remove()
})

/** Runs a command of the executable to its end. */
function run(command: string, changes: Readonly<Record<string, string>> = {}) {
  const { port } = new URL(service.url)
  return runToEnd([executable, command], { ...services.env, PORT: port, ...changes })
}

async function expectWholeExport(api: string, headers: Record<string, string>) {
  const received = await receiveExport(await fetch(`${api}/export?events=true`, { headers }))
  expect(received.ofKind("end")).toMatchObject([{ status: "complete", rows: new Set(received.rows).size }])
  expect(received.rows.length).toBeGreaterThan(count / 2)
}

test("the executable exports from a SQLite file, in every format and coding, and its traces arrive", async () => {
  await expectWholeExport(service.api, headers)
  const csv = await (await fetch(`${service.api}/export?format=csv`, { headers })).text()
  expect(csv).toStartWith("Email Address,")
  for (const coding of ["zstd", "gzip"]) {
    const asked = { ...headers, "accept-encoding": coding }
    const response = await fetch(`${service.api}/export`, { headers: asked })
    expect(response.headers.get("content-encoding")).toBe(coding)
    expect((await response.text()).split("\n").length).toBeGreaterThan(count / 2)
  }
  await until("the spans", () => collector.spans.some(({ name }) => name === "export"))
})

test("the executable runs jobs", async () => {
  const jobs = createJobClient(() => service, headers)
  const job = await jobs.ended((await jobs.start()).id)
  expect(job.state).toBe("complete")
  expect(await jobs.rows(job)).toHaveLength(job.rows)
})

test("the executable contains the page at /docs with its script and its styles, and /metrics", async () => {
  const html = await (await fetch(`${service.url}/docs`)).text()
  const files = [...html.matchAll(/(?:src|href)="(\/docs\/[^"]+)"/g)].map(([, path = ""]) => path)
  const types = files.map(async (path) => {
    const response = await fetch(service.url + path)
    expect((await response.text()).length).toBeGreaterThan(500)
    return response.headers.get("content-type")?.split(";")[0]
  })
  expect((await Promise.all(types)).toSorted()).toEqual(["text/css", "text/javascript"])
  expect(await (await fetch(`${service.url}/metrics`)).text()).toContain("mailchimp_export_exports_total")
})

test("health ends with 0 if the service responds, and with 1 and a reason if it does not", async () => {
  expect(await run("health")).toEqual({ exitCode: 0, stdout: "", stderr: "" })
  expect(await run("health", { HOST: "0.0.0.0" })).toMatchObject({ exitCode: 0 })
  const { exitCode, stderr } = await run("health", { PORT: "1" })
  expect(exitCode).toBe(1)
  expect(stderr.trim().split("\n")).toHaveLength(1)
})

test("a service that accepts connections and never responds is not healthy", async () => {
  const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } })
  expect(await run("health", { PORT: String(silent.port) })).toMatchObject({ exitCode: 1 })
  silent.stop(true)
})

test("reseal seals what is stored with the new key; an unknown command is named, and ends with 2", async () => {
  const { exitCode, stdout } = await run("reseal", { TOKEN_KEYS: `${newKey},${oldKey}` })
  expect(exitCode).toBe(0)
  expect(stdout).toContain("are sealed with key new")
  const unknown = await run("start")
  expect([unknown.exitCode, unknown.stderr]).toEqual([
    2,
    "Unknown command: start. Use serve, health, reseal, or none to serve\n",
  ])
})

test("the executable reads no .env of the folder in which it is started, and ends with 0 on SIGTERM", async () => {
  const cwd = temporaryFolder()
  await Bun.write(join(cwd.path, ".env"), "PORT=not-a-port\n")
  const child = Bun.spawn([executable], { cwd: cwd.path, env: { NODE_ENV: "test" }, stderr: "pipe" })
  expect(await new Response(child.stderr).text()).not.toContain("PORT")
  cwd.remove()
  expect((await service.stop()).exitCode).toBe(0)
})

atomicMongodb.describe("the executable with MongoDB and Redis", () => {
  describeWithRedis("both real servers", () => {
    test("connects an account and exports it", async () => {
      const redis = await startRedis()
      const replica = await services.start({
        MONGODB_URI: await atomicMongodb.newUri(),
        REDIS_URL: redis.url,
      })
      expect(await (await fetch(`${replica.url}/readyz`)).json()).toEqual({ status: "ok", redis: "up" })
      await expectWholeExport(replica.api, await connectAccount(replica))
      expect((await replica.stop()).exitCode).toBe(0)
      await redis.kill9()
    }, 120_000)
  })
})
