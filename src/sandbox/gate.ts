import { promisify } from "node:util"
import { gzip } from "node:zlib"
import type { Clock } from "../lib/time.ts"
import {
  bombResponse,
  truncateResponse,
  endJsonEarly,
  resetResponse,
  slowResponse,
} from "./api/broken-responses.ts"
import { oddPage } from "./api/odd-pages.ts"
import { htmlResponse, problemResponse } from "./api/problems.ts"
import type { FaultAction, Faults } from "./faults.ts"
import type { Settings } from "./settings.ts"
import type { Account, State } from "./state.ts"
import type { RequestEntry, Traffic } from "./traffic.ts"

/** What a route gets of a request that passed the gate. */
type Passed = { account: Account | undefined; maxRows: number; holdUntil: (ms: number) => void }

export type GateOptions = {
  state: () => State
  settings: Settings
  clock: Clock
  faults: Faults
  traffic: Traffic
  /** The time of one of Mailchimp's servers, in ms: each call reads the next server's clock. */
  serverTime: () => number
  /** Aborts when the sandbox stops. */
  stopping: AbortSignal
  onRequest: ((entry: RequestEntry) => void) | undefined
  route: (request: Request, passed: Passed) => Response | Promise<Response>
}

const apiPath = /^\/(?:([a-z]+\d+)\/)?3\.0(?:\/|$)/

/**
 * Everything between a client and Mailchimp's routes: authentication, the limits, the faults, compression and the `Date`
 * of the server. A connection is held from here until the response is made, or until a broken response has ended.
 */
export function createGate(options: GateOptions): (request: Request) => Promise<Response> {
  const { state, settings, clock, faults, traffic, serverTime, stopping, onRequest, route } = options

  /** The account of the request, or the response that refuses it. OAuth's own addresses need no account. */
  const identify = (request: Request): { account: Account | undefined; refusal?: Response } => {
    const path = apiPath.exec(new URL(request.url).pathname)
    if (!path) return { account: undefined }
    const token = /^Bearer (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1]
    if (token === undefined) return { account: undefined, refusal: problemResponse("api_key_missing") }
    const account = state().accountOfToken(token)
    if (!account) return { account, refusal: problemResponse("api_key_invalid") }
    if (account.disabled) return { account, refusal: problemResponse("user_disabled") }
    const dc = path[1]
    if (dc !== undefined && dc !== account.dc)
      return { account, refusal: problemResponse(settings.wrongDataCenterWith) }
    return { account }
  }

  const throttle = () =>
    settings.throttleWith === "429" ? problemResponse("too_many_requests") : htmlResponse(403)

  /**
   * Responses take turns among the servers' clocks. Bun would add a `Date` to a response without one, so such a
   * response gets an empty `Date`.
   */
  const writeDate = (request: Request, fault: FaultAction | undefined): string => {
    const { sendsDate, dateOffsetMs } = settings
    const sentMs = serverTime()
    if (fault?.kind === "date_text") return fault.text
    if (fault?.kind === "date") return new Date(sentMs + fault.offsetMs).toUTCString()
    if (!sendsDate) return ""
    const offsetMs = typeof dateOffsetMs === "number" ? dateOffsetMs : dateOffsetMs(request)
    return new Date(sentMs + offsetMs).toUTCString()
  }

  const respond = async (
    request: Request,
    entry: RequestEntry,
    fault: FaultAction | undefined,
  ): Promise<Response> => {
    const { account, refusal } = identify(request)
    entry.userId = account?.userId
    entry.fault = fault?.kind
    const connection = account ? traffic.hold(account.userId, settings.maxConnections) : undefined
    if (account && !connection) return throttle()
    let streams = false
    const release = () => connection?.[Symbol.dispose]()
    try {
      if (account && settings.requestLimit && !traffic.allow(account.userId, settings.requestLimit))
        return throttle()
      const instead = await playInstead(fault, request)
      if (instead) return instead
      if (fault?.kind === "delay") await clock.sleep(fault.ms, request.signal)
      const maxRows = fault?.kind === "short_page" ? fault.rows : Infinity
      let heldUntil = 0
      const holdUntil = (ms: number) => void (heldUntil = ms)
      const made = refusal ?? (await route(request, { account, maxRows, holdUntil }))
      const odd = fault?.kind === "odd_page" ? await oddPage(made, fault.oddity) : made
      const body = fault?.kind === "bad_json" ? await endJsonEarly(odd, fault.keep) : odd
      const packed = await compress(request, body)
      if (heldUntil > clock.now()) await clock.sleep(heldUntil - clock.now(), request.signal)
      if (fault?.kind !== "cut" && fault?.kind !== "slow") return packed
      streams = true
      const onEnd = () => {
        entry.endedAt = clock.now()
        release()
      }
      // A body that never began never ends either, so the abort ends it.
      if (request.signal.aborted) onEnd()
      else request.signal.addEventListener("abort", onEnd, { once: true })
      return fault.kind === "cut"
        ? truncateResponse(packed, fault.keep, clock, onEnd)
        : slowResponse(packed, fault, clock, request.signal, onEnd)
    } finally {
      if (!streams) {
        entry.endedAt = clock.now()
        if (request.signal.aborted && settings.holdAfterAbortMs > 0) {
          void clock.sleep(settings.holdAfterAbortMs, stopping).then(release, release)
        } else {
          release()
        }
      }
    }
  }

  const playInstead = async (
    fault: FaultAction | undefined,
    request: Request,
  ): Promise<Response | undefined> => {
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
      case "reset":
        return resetResponse()
      case "bomb":
        return bombResponse(fault)
      case "hang":
        await aborted(AbortSignal.any([request.signal, stopping]))
        return resetResponse()
      default:
        return undefined
    }
  }

  const compress = async (request: Request, response: Response): Promise<Response> => {
    const accepts = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "")
    if (!settings.gzip || !accepts || response.status === 204 || response.status === 302) return response
    const headers = new Headers(response.headers)
    headers.set("content-encoding", "gzip")
    headers.set("vary", "Accept-Encoding")
    return new Response(await gzipAsync(await response.bytes(), { level: 1 }), {
      status: response.status,
      headers,
    })
  }

  return async (request) => {
    const entry = traffic.record(request)
    onRequest?.(entry)
    const onAbort = () => {
      entry.abortedAt ??= clock.now()
    }
    request.signal.addEventListener("abort", onAbort, { once: true })
    const fault = faults.next(request)
    const response = await respond(request, entry, fault).catch((error: unknown) => {
      // A client that disconnected gets no response; any other failure here is a bug.
      if (request.signal.aborted || stopping.aborted) return resetResponse()
      throw error
    })
    if (!request.signal.aborted) entry.status = response.status
    response.headers.set("date", writeDate(request, fault))
    return response
  }
}

const gzipAsync = promisify(gzip)

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener("abort", () => resolve(), { once: true })
  })
}
