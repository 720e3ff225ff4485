import { z } from "zod"

const attribute = z.object({
  key: z.string(),
  value: z.object({
    stringValue: z.string().optional(),
    intValue: z.coerce.number().optional(),
    doubleValue: z.number().optional(),
  }),
})
const span = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  startTimeUnixNano: z.coerce.bigint(),
  endTimeUnixNano: z.coerce.bigint(),
  attributes: z.array(attribute),
  status: z.object({ code: z.number().optional(), message: z.string().optional() }),
})
const request = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: z.array(attribute) }),
      scopeSpans: z.array(z.object({ spans: z.array(span) })),
    }),
  ),
})

/** A collector of OTLP over HTTP, in JSON, at `url`. */
export function startCollector() {
  const spans: ReturnType<typeof toSpan>[] = []
  const bodies: string[] = []
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (received) => {
      if (new URL(received.url).pathname !== "/v1/traces") return new Response(null, { status: 404 })
      const encoded = new Uint8Array(await received.arrayBuffer())
      const isGzip = received.headers.get("content-encoding") === "gzip"
      const body = new TextDecoder().decode(isGzip ? Bun.gunzipSync(encoded) : encoded)
      bodies.push(body)
      for (const { scopeSpans } of request.parse(JSON.parse(body)).resourceSpans)
        for (const scope of scopeSpans) spans.push(...scope.spans.map(toSpan))
      return Response.json({})
    },
  })
  return { url: server.url.origin, spans, bodies, stop: () => server.stop(true) }
}

/** A span as it arrived, with its attributes by name. */
function toSpan({ attributes, ...received }: z.infer<typeof span>) {
  const values = attributes.map(({ key, value }) => [
    key,
    value.stringValue ?? value.intValue ?? value.doubleValue,
  ])
  return { ...received, attributes: Object.fromEntries(values) }
}
