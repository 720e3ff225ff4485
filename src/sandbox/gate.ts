import type { Clock } from "../lib/time.ts"
import { problemResponse } from "./api/problems.ts"
import { authenticate } from "./authenticate.ts"
import { compress } from "./compress.ts"
import { resetResponse } from "./faults/broken-responses.ts"
import { changeBody } from "./faults/change-body.ts"
import type { FaultAction } from "./faults/fault-action.ts"
import type { Faults } from "./faults/faults.ts"
import { replaceResponse } from "./faults/replace-response.ts"
import { streamBody } from "./faults/stream-body.ts"
import { strikeAccount } from "./faults/strike-account.ts"
import type { ServerClock } from "./server-clock.ts"
import type { Settings } from "./settings.ts"
import type { Account } from "./account.ts"
import type { State } from "./state.ts"
import type { RequestEntry, Traffic } from "./traffic.ts"

/** What a route gets of a request that passed the gate. */
type Passed = { account: Account | undefined; maxRows: number; holdUntil: (ms: number) => void }

export type GateOptions = {
  state: () => State
  settings: Settings
  clock: Clock
  serverClock: ServerClock
  faults: Faults
  traffic: Traffic
  /** Aborts when the sandbox stops. */
  stopping: AbortSignal
  onRequest: ((entry: RequestEntry) => void) | undefined
  route: (request: Request, passed: Passed) => Response | Promise<Response>
}

/** Mailchimp allows this many simultaneous connections for each of its users. */
const MAX_CONNECTIONS = 10

/**
 * The steps of a request, in order: record it, choose the fault that is due, revoke or disable the account by the fault,
 * authenticate, take a connection, respond by the fault or by the route (which waits for the latency), change the body by
 * the fault, compress it, break or slow the body by the fault, and set the `Date`.
 */
export function createGate(options: GateOptions): (request: Request) => Promise<Response> {
  const { state, settings, clock, serverClock, faults, traffic, stopping, onRequest, route } = options

  /** The response of the route, or the refusal, after the faults that delay or change it. */
  const respond = async (
    request: Request,
    { account, refusal }: ReturnType<typeof authenticate>,
    fault: FaultAction | undefined,
  ): Promise<Response> => {
    if (fault?.kind === "delay") await clock.sleep(fault.ms, request.signal)
    const maxRows = fault?.kind === "short_page" ? fault.rows : Infinity
    let heldUntil = 0
    const holdUntil = (ms: number) => void (heldUntil = ms)
    const made = refusal ?? (await route(request, { account, maxRows, holdUntil }))
    const changed = await changeBody(made, fault)
    const response = settings.gzip ? await compress(request, changed) : changed
    if (heldUntil > clock.now()) await clock.sleep(heldUntil - clock.now(), request.signal)
    return response
  }

  /** Holds a connection of the account until the response is made, or until its body has ended if it is streamed. */
  const admit = async (
    request: Request,
    entry: RequestEntry,
    fault: FaultAction | undefined,
  ): Promise<Response> => {
    const found = authenticate(request, state(), settings)
    const { account } = found
    const isStruck = account !== undefined && strikeAccount(account, fault)
    const identity = isStruck ? authenticate(request, state(), settings) : found
    entry.userId = account?.userId
    entry.fault = fault?.kind
    const connection = account ? traffic.hold(account.userId, MAX_CONNECTIONS) : undefined
    if (account && !connection) return problemResponse("too_many_requests")
    const end = () => {
      entry.endedAt = clock.now()
      connection?.[Symbol.dispose]()
    }
    let isStreamed = false
    try {
      const replacement = await replaceResponse(fault, [request.signal, stopping])
      if (replacement) return replacement
      const response = await respond(request, identity, fault)
      const stream = streamBody(fault)
      if (!stream) return response
      isStreamed = true
      // Bun does not start the body if the request was aborted before, so the abort itself ends the connection.
      if (request.signal.aborted) end()
      else request.signal.addEventListener("abort", end, { once: true })
      return stream(response, { clock, signal: request.signal, onEnd: end })
    } finally {
      if (!isStreamed) end()
    }
  }

  return async (request) => {
    const entry = traffic.record(request)
    onRequest?.(entry)
    const onAbort = () => {
      entry.abortedAt ??= clock.now()
    }
    request.signal.addEventListener("abort", onAbort, { once: true })
    const fault = faults.next(request)
    const response = await admit(request, entry, fault).catch((error: unknown) => {
      // A client that disconnected gets no response; any other failure here is a bug.
      if (request.signal.aborted || stopping.aborted) return resetResponse()
      throw error
    })
    if (!request.signal.aborted) entry.status = response.status
    response.headers.set("date", serverClock.date(request, fault))
    return response
  }
}
