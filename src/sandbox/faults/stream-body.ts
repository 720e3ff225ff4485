import type { Clock } from "../../lib/time.ts"
import { slowResponse, trickleResponse, truncateResponse } from "./broken-responses.ts"
import type { FaultAction } from "./fault-action.ts"

type StreamBody = (
  response: Response,
  options: { readonly clock: Clock; readonly signal: AbortSignal; readonly onEnd: () => void },
) => Promise<Response>

/** How a fault sends the body instead of in one piece; undefined if it does not. */
export function streamBody(fault: FaultAction | undefined): StreamBody | undefined {
  switch (fault?.kind) {
    case "cut":
      return (response, { clock, onEnd }) => truncateResponse(response, fault.keep, clock, onEnd)
    case "slow":
      return (response, { clock, signal, onEnd }) => slowResponse(response, fault, clock, signal, onEnd)
    case "trickle":
      return (response, { clock, signal, onEnd }) => trickleResponse(response, fault, clock, signal, onEnd)
    default:
      return undefined
  }
}
