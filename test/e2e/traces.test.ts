import { afterAll, expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { startCollector } from "../support/collector.ts"
import { connectAccount, sandboxEnv, startService } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { until } from "../support/until.ts"

const mailchimp = startSandbox({
  decision: "approve",
  accounts: [{ lists: [{ name: "People", count: 300 }] }],
})
afterAll(() => mailchimp.stop())

const traceId = "0af7651916cd43dd8448eb211c80319c"
const traceparent = `00-${traceId}-b7ad6b7169203331-01`

/** Forwards to the sandbox, and remembers the headers of each request. */
function startRecorder() {
  const received: Headers[] = []
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      const { pathname, search } = new URL(request.url)
      received.push(request.headers)
      return fetch(mailchimp.url + pathname + search, { headers: request.headers, decompress: false })
    },
  })
  return { url: server.url.origin, received, stop: () => server.stop(true) }
}

test("a collector receives an export with its pages in the caller's trace, and a job; Mailchimp learns of no trace", async () => {
  const collector = startCollector()
  const recorder = startRecorder()
  const service = await startService({
    ...sandboxEnv(mailchimp),
    MAILCHIMP_API_URL: `${recorder.url}/{dc}/3.0`,
    MAILCHIMP_PAGE_SIZE: "50",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  })
  const headers = await connectAccount(service)
  const response = await fetch(`${service.api}/export`, { headers: { ...headers, traceparent } })
  const rows = (await response.text()).trimEnd().split("\n").length
  await fetch(`${service.api}/export-jobs`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: "{}",
  })
  await until("the end of the job", () => service.log.some((line) => line.includes('"job ended"')))
  await service.stop()

  const named = (name: string) => collector.spans.filter((span) => span.name === name)
  const exported = named("export").find((span) => span.traceId === traceId)
  expect(exported).toMatchObject({
    parentSpanId: "b7ad6b7169203331",
    attributes: { outcome: "completed", rows },
  })
  const pages = named("page").filter(({ parentSpanId }) => parentSpanId === exported?.spanId)
  expect(pages.length).toBeGreaterThan(4)
  expect(pages.reduce((sum, { attributes }) => sum + attributes["rows"], 0)).toBe(rows)
  const [job] = named("job")
  expect(job?.attributes).toMatchObject({ state: "complete", rows })
  expect(named("export").map(({ parentSpanId }) => parentSpanId)).toContain(job?.spanId)

  expect(recorder.received.length).toBeGreaterThan(10)
  for (const name of ["traceparent", "tracestate", "baggage"])
    expect(recorder.received.map((headers) => headers.get(name)).filter((value) => value !== null)).toEqual(
      [],
    )
  await Promise.all([collector.stop(), recorder.stop()])
}, 30_000)

test("with a collector that is down the service exports, and stops as fast as without", async () => {
  const services = serviceProcesses(mailchimp, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" })
  const service = await services.start()
  const headers = await connectAccount(service)
  expect((await fetch(`${service.api}/export`, { headers })).status).toBe(200)
  const stoppingMs = performance.now()
  expect((await service.stop()).exitCode).toBe(0)
  expect(performance.now() - stoppingMs).toBeLessThan(5000)
  await services.end()
}, 30_000)

test("OpenTelemetry is loaded only if a collector is configured", async () => {
  const loads = async (env: Record<string, string>) => {
    const script = `
      await (await import("./src/services.ts")).createServices((await import("./src/config.ts")).parseConfig(process.env))
      process.stdout.write(String(Object.keys(require.cache).some((path) => path.includes("@opentelemetry/sdk-trace"))))
      process.exit(0)`
    const services = serviceProcesses(mailchimp, env)
    const child = Bun.spawn([process.execPath, "--no-env-file", "-e", script], { env: services.env })
    const text = await new Response(child.stdout).text()
    await services.end()
    return text
  }
  expect(await loads({})).toBe("false")
  expect(await loads({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" })).toBe("true")
}, 30_000)
