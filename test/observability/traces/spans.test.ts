import { expect, test } from "bun:test"
import { SpanStatusCode } from "@opentelemetry/api"
import { W3CTraceContextPropagator } from "@opentelemetry/core"
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace"
import { AppError } from "../../../src/errors.ts"
import { systemClock } from "../../../src/lib/time.ts"
import type { EventOf } from "../../../src/observability/observe.ts"
import { createTraces } from "../../../src/observability/traces.ts"
import { createSpans } from "../../../src/observability/traces/spans.ts"

const usage = { connectionId: "c1", durationMs: 1500, requests: 7, retries: 2, waitedMs: 300 }
const error = new AppError("mailchimp_error", "Cannot read what ada@example.com wrote")
const traceId = "0af7651916cd43dd8448eb211c80319c"
const traceparent = `00-${traceId}-b7ad6b7169203331-01`

function setUp() {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  let now = 1_000_000
  const observe = createSpans({
    tracer: provider.getTracer("test"),
    propagator: new W3CTraceContextPropagator(),
    clock: { now: () => (now += 1000) },
  })
  return {
    observe,
    exported: (event: EventOf<"export">["event"], requestId = "r1", parent?: string) =>
      observe({ type: "export", requestId, traceparent: parent, event }),
    spans: async () => {
      await provider.forceFlush()
      return exporter.getFinishedSpans().map((span) => ({
        name: span.name,
        seconds: [span.startTime[0], span.endTime[0]],
        trace: span.spanContext().traceId,
        id: span.spanContext().spanId,
        parent: span.parentSpanContext?.spanId,
        attributes: span.attributes,
        status: span.status,
      }))
    },
  }
}

test("an export is a span in the caller's trace, each page one in it, from the end of the page before", async () => {
  const { exported, spans } = setUp()
  exported({ type: "begins" }, "r1", traceparent)
  exported({ type: "page", listId: "a1", rows: 2, bytes: 20 })
  exported({ type: "page", listId: "a1", rows: 1, bytes: 10 })
  exported({ type: "completed", shortLists: [], rows: 3, bytes: 30, usage })
  const [first, second, whole] = await spans()
  expect(whole).toMatchObject({
    name: "export",
    seconds: [1001, 1004],
    trace: traceId,
    parent: "b7ad6b7169203331",
    attributes: {
      request_id: "r1",
      outcome: "completed",
      rows: 3,
      bytes: 30,
      connection: "c1",
      requests: 7,
      retries: 2,
      waited_ms: 300,
    },
  })
  const page = { name: "page", trace: traceId, parent: whole?.id }
  expect(first).toMatchObject({ ...page, seconds: [1001, 1002], attributes: { list_id: "a1", rows: 2 } })
  expect(second).toMatchObject({ ...page, seconds: [1002, 1003], attributes: { list_id: "a1", rows: 1 } })
})

test("a failure has the code of its problem, not what the error says", async () => {
  const { exported, spans } = setUp()
  exported({ type: "begins" }, "r1", "not a trace")
  exported({ type: "list_failed", listId: "a1", error })
  exported({ type: "failed", rows: 3, bytes: 30, usage, error })
  exported({ type: "begins" }, "r2")
  exported({ type: "refused", rows: 0, bytes: 0, usage, error: new Error("ada@example.com") }, "r2")
  const found = await spans()
  expect(found.map(({ status }) => status)).toEqual([
    { code: SpanStatusCode.ERROR, message: "mailchimp_error" },
    { code: SpanStatusCode.ERROR, message: "internal_error" },
  ])
  expect(found.map(({ parent }) => parent)).toEqual([undefined, undefined])
  expect(Bun.inspect(found, { depth: 9 })).not.toContain("ada@")
})

test("a run of a job is a span, and its export is one in it", async () => {
  const { observe, exported, spans } = setUp()
  observe({ type: "job_begins", jobId: "job_1", attempt: 2 })
  exported({ type: "begins" }, "job_1")
  exported({ type: "completed", shortLists: [], rows: 3, bytes: 30, usage }, "job_1")
  const written = { rows: 3, bytes: 9, parts: 1, connectionId: "c1", usage }
  observe({ type: "job_ended", jobId: "job_1", attempt: 2, state: "complete", ...written })
  observe({ type: "job_begins", jobId: "job_2", attempt: 1 })
  observe({ type: "job_left", jobId: "job_2", attempt: 1 })
  const [inJob, job, left] = await spans()
  expect(job).toMatchObject({
    name: "job",
    attributes: { job_id: "job_1", attempt: 2, state: "complete", parts: 1 },
  })
  expect(inJob).toMatchObject({ name: "export", trace: job?.trace, parent: job?.id })
  expect(left).toMatchObject({ name: "job", attributes: { job_id: "job_2", state: "left" } })
})

test("a caller's trace that is not sampled is not recorded, and a request id that is used twice leaves nothing open", async () => {
  const { exported, spans } = setUp()
  exported({ type: "begins" }, "r1", `${traceparent.slice(0, -1)}0`)
  exported({ type: "left", rows: 0, bytes: 0, usage })
  expect(await spans()).toEqual([])
  exported({ type: "begins" })
  exported({ type: "begins" })
  exported({ type: "completed", shortLists: [], rows: 3, bytes: 30, usage })
  exported({ type: "completed", shortLists: [], rows: 3, bytes: 30, usage })
  expect((await spans()).map(({ attributes }) => attributes["outcome"])).toEqual([undefined, "completed"])
})

test("a collector that is down costs neither memory nor the shutdown", async () => {
  for (const endpoint of ["http://127.0.0.1:1", "http://unknown.invalid"]) {
    const traces = createTraces(endpoint, systemClock)
    const exported = (event: EventOf<"export">["event"]) =>
      traces.observe({ type: "export", requestId: "r1", event })
    const fill = async () => {
      for (let index = 0; index < 50_000; index += 1) {
        if (index % 1000 === 0) await Bun.sleep(0)
        exported({ type: "page", listId: "a1", rows: 1000, bytes: 1_500_000 })
      }
      Bun.gc(true)
      return process.memoryUsage().heapUsed
    }
    exported({ type: "begins" })
    const first = await fill()
    expect((await fill()) - first).toBeLessThan(8 * 2 ** 20)
    const closingMs = performance.now()
    await traces.close()
    expect(performance.now() - closingMs).toBeLessThan(5000)
  }
}, 30_000)
