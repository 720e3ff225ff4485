import { htmlResponse, problemResponse } from "../api/problems.ts"
import { bombResponse, resetResponse } from "./broken-responses.ts"
import type { FaultAction } from "./fault-action.ts"

/**
 * The response of a fault that replaces the route's, or undefined if the request continues to its route. A request that
 * hangs ends when one of the signals aborts.
 */
export async function replaceResponse(
  fault: FaultAction | undefined,
  signals: readonly AbortSignal[],
): Promise<Response | undefined> {
  switch (fault?.kind) {
    case "problem":
      return problemResponse(
        fault.problem,
        fault.retryAfter === undefined ? {} : { headers: { "retry-after": fault.retryAfter } },
      )
    case "json":
      return Response.json(fault.body, { status: fault.status })
    case "html":
      return htmlResponse(fault.status, fault)
    case "empty":
      return new Response(null, { status: fault.status })
    case "redirect":
      return Response.redirect(fault.location, 302)
    case "reset":
      return resetResponse()
    case "bomb":
      return bombResponse(fault)
    case "hang":
      await aborted(AbortSignal.any([...signals]))
      return resetResponse()
    default:
      return undefined
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener("abort", () => resolve(), { once: true })
  })
}
