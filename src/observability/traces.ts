import { W3CTraceContextPropagator } from "@opentelemetry/core"
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http"
import { resourceFromAttributes } from "@opentelemetry/resources"
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace"
import { type Clock, within } from "../lib/time.ts"
import type { Observe } from "./observe.ts"
import { createSpans } from "./traces/spans.ts"

/** How long the last spans may take at the end: a collector that is down must not delay it. */
const closeWithinMs = 1000

/** Spans for an OpenTelemetry collector. */
export type Traces = {
  readonly observe: Observe
  /** Sends the last spans. Never rejects. */
  close(): Promise<void>
}

/**
 * Sends spans as OTLP over HTTP, in JSON, to `endpoint` + `/v1/traces`. While the collector does not accept them, 2,048 are
 * kept at most, and the newer ones are dropped.
 */
export function createTraces(endpoint: string, clock: Clock): Traces {
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces` })
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": "mailchimp-export" }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  })
  return {
    observe: createSpans({
      tracer: provider.getTracer("mailchimp-export"),
      propagator: new W3CTraceContextPropagator(),
      clock,
    }),
    close: async () => {
      await within(
        provider.shutdown().catch(() => {}),
        closeWithinMs,
        clock,
      )
    },
  }
}
