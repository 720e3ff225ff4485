import type { Fetch } from "../lib/fetch.ts"
import { readBody } from "../lib/read-body.ts"
import { type Clock, TimedOut, withTimeout } from "../lib/time.ts"
import { TooLarge } from "../lib/too-large.ts"
import { createMailchimpError, type MailchimpError, type MailchimpErrorKind, type Subject } from "./errors.ts"

/** A response of Mailchimp's with its whole body. */
export type RawResponse = {
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array
  /** The body as it was sent, if it was compressed. */
  readonly compressed?: Uint8Array<ArrayBuffer> | undefined
}

type SendOptions = {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** The most bytes of the body, both as it was sent and inflated. */
  readonly maxBytes: number
  /** Called with the beginning of a large body while it arrives: see {@link readBody}. */
  readonly inspect?: ((head: Uint8Array) => void) | undefined
}

/**
 * Sends one request and reads the whole response, whatever its status. `receivedMs` is the monotonic time at which the
 * headers arrived. Rejects with what fetch or the time-out threw: see {@link toTransportError}.
 */
export type Transport = (
  url: string,
  init: Pick<RequestInit, "method" | "headers" | "body">,
  options: SendOptions,
) => Promise<RawResponse & { readonly receivedMs: number }>

export function createTransport(deps: {
  readonly fetch: Fetch
  readonly clock: Clock
  /** Resolves in a turn of the event loop that no other body has: see {@link readBody}. */
  readonly nextTurn?: (() => Promise<void>) | undefined
}): Transport {
  const { fetch, clock, nextTurn } = deps
  return (url, init, { timeoutMs, signal, maxBytes, inspect }) =>
    withTimeout(
      async (signal) => {
        // Fetch would inflate a body without a limit. Following a redirect could send secrets to another host.
        const response = await fetch(url, { ...init, decompress: false, redirect: "manual", signal })
        const receivedMs = clock.monotonicMs()
        const { status, headers } = response
        const { bytes, compressed } = await readBody(response, { maxBytes, nextTurn, inspect })
        return { status, headers, receivedMs, body: bytes, compressed }
      },
      { timeoutMs, signal, clock },
    )
}

/** Classifies what was thrown during a request: by fetch, while the body was read, or by the time-out. */
export function toTransportError(error: unknown, subject: Subject): MailchimpError {
  const proxyStatus = proxyStatusOf(error)
  if (proxyStatus !== undefined)
    return createMailchimpError("proxy_refused", subject, { upstream: { status: proxyStatus }, cause: error })
  return createMailchimpError(kindOf(error), subject, { cause: error })
}

/** The status with which a proxy refused to open a tunnel. Bun mentions it only in the message of its error. */
function proxyStatusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("code" in error) || error.code !== "ERR_PROXY_TUNNEL") return undefined
  return Number(/\b\d{3}\b/.exec(error.message)?.[0] ?? 502)
}

function kindOf(error: unknown): MailchimpErrorKind {
  if (error instanceof TooLarge) return "too_large"
  return error instanceof TimedOut ? "timed_out" : "connection_failed"
}
