import {
  defaultTextMapGetter,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  type TextMapPropagator,
  trace,
  type Tracer,
} from "@opentelemetry/api"
import type { Clock } from "../../lib/time.ts"
import type { EventOf, Observe } from "../observe.ts"
import { problemCodeOf } from "../problem-code.ts"

type OpenExport = {
  readonly span: Span
  /** When the last page was written, or the export began: the next page has taken the time since then. */
  pageSinceMs: number
}

/**
 * Makes a span for each export and each run of a job, and in an export one for each page: from the end of the page before
 * until the consumer took it. Attributes have the names of the log's fields. No span has a message or a stack of an error,
 * because those may repeat what somebody else sent.
 */
export function createSpans(deps: {
  readonly tracer: Tracer
  /** Reads the caller's trace. Nothing is ever sent to Mailchimp. */
  readonly propagator: Pick<TextMapPropagator<Record<string, string>>, "extract">
  readonly clock: Pick<Clock, "now">
}): Observe {
  const { tracer, propagator, clock } = deps
  const jobs = new Map<string, Span>()
  /** A caller may use a request id twice at the same time: then the pages of both are in the newer span. */
  const exports = new Map<string, OpenExport>()

  const begin = (requestId: string, traceparent: string | undefined) => {
    const job = jobs.get(requestId)
    const parent =
      job === undefined
        ? propagator.extract(
            ROOT_CONTEXT,
            traceparent === undefined ? {} : { traceparent },
            defaultTextMapGetter,
          )
        : trace.setSpan(ROOT_CONTEXT, job)
    const startTime = clock.now()
    const attributes = { request_id: requestId }
    exports.get(requestId)?.span.end(startTime)
    exports.set(requestId, {
      span: tracer.startSpan("export", { startTime, attributes }, parent),
      pageSinceMs: startTime,
    })
  }

  const observeExport = ({ requestId, traceparent, event }: EventOf<"export">) => {
    if (event.type === "begins") return begin(requestId, traceparent)
    const open = exports.get(requestId)
    if (open === undefined) return
    const { span } = open
    const now = clock.now()
    if (event.type === "page") {
      const attributes = { list_id: event.listId, rows: event.rows, bytes: event.bytes }
      const options = { startTime: open.pageSinceMs, attributes }
      tracer.startSpan("page", options, trace.setSpan(ROOT_CONTEXT, span)).end(now)
      open.pageSinceMs = now
    } else if (event.type === "list_failed") {
      span.addEvent(event.type, { list_id: event.listId, code: problemCodeOf(event.error) }, now)
    } else if (event.type === "stalled") span.addEvent(event.type, {}, now)
    else if ("usage" in event) {
      const { type: outcome, rows, bytes, usage } = event
      const { connectionId: connection, requests, retries, waitedMs: waited_ms } = usage
      span.setAttributes({ outcome, rows, bytes, connection, requests, retries, waited_ms })
      end(span, now, "error" in event ? event.error : undefined)
      exports.delete(requestId)
    }
  }

  const observeJob = (event: EventOf<"job_begins" | "job_ended" | "job_left">) => {
    const { jobId, attempt } = event
    const now = clock.now()
    if (event.type === "job_begins") {
      jobs.set(
        jobId,
        tracer.startSpan(
          "job",
          { startTime: now, attributes: { job_id: jobId, attempt }, root: true },
          ROOT_CONTEXT,
        ),
      )
      return
    }
    const span = jobs.get(jobId)
    if (span === undefined) return
    jobs.delete(jobId)
    if (event.type === "job_ended") {
      const { state, rows, bytes, parts, connectionId: connection, error } = event
      span.setAttributes({ state, rows, bytes, parts, connection })
      end(span, now, error)
    } else {
      span.setAttribute("state", "left")
      span.end(now)
    }
  }

  return (event) => {
    if (event.type === "export") observeExport(event)
    else if (event.type === "job_begins" || event.type === "job_ended" || event.type === "job_left")
      observeJob(event)
  }
}

function end(span: Span, now: number, error: unknown): void {
  if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: problemCodeOf(error) })
  span.end(now)
}
