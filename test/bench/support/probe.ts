import { monitorEventLoopDelay } from "node:perf_hooks"

/**
 * Loaded into a service before it starts: tells, over a Unix socket, what only the process itself knows. Each question
 * ends one span of time and begins the next. The first one begins the first: a thousand samples a second are a few
 * percent of what the service computes, and not its own.
 */
const resolutionMs = 1
const delays = monitorEventLoopDelay({ resolution: resolutionMs })

/** How long the event loop was blocked since the last question, by samples a millisecond apart. */
export type ProbeResponse = { readonly blockP99Ms: number; readonly blockMaxMs: number }

const toMs = (ns: number) => Math.max(0, ns / 1e6 - resolutionMs)

Bun.serve({
  unix: process.env["PROBE_SOCKET"] ?? "",
  fetch: () => {
    const response: ProbeResponse = { blockP99Ms: toMs(delays.percentile(99)), blockMaxMs: toMs(delays.max) }
    delays.enable()
    delays.reset()
    return Response.json(response)
  },
})
