import { type Clock, withTimeout } from "../../lib/time.ts"
import type { Webhook } from "./webhook.ts"

/** Sends Mailchimp's requests to a webhook. Each resolves to the status, or to 0 if there was no response in time. */
type Sender = {
  get(url: string): Promise<number>
  deliver(webhook: Webhook, body: string): Promise<number>
}

/** How long Mailchimp waits for a response. */
const RESPONSE_TIMEOUT_MS = 10_000

const agent = { "user-agent": "MailChimp" }

export function createSender(options: {
  readonly clock: Clock
  readonly fetch: (request: Request) => Promise<Response>
  readonly signal: AbortSignal
}): Sender {
  const { clock, fetch, signal } = options

  const send = async (url: string, init: RequestInit): Promise<number> => {
    const requestStatus = async (signal: AbortSignal) => {
      const response = await fetch(new Request(url, { ...init, signal }))
      await response.body?.cancel()
      return response.status
    }
    return withTimeout(requestStatus, { timeoutMs: RESPONSE_TIMEOUT_MS, signal, clock }).catch(() => 0)
  }

  return {
    get: (url) => send(url, { headers: agent }),
    deliver: (webhook, body) => {
      const headers = new Headers({ ...agent, "content-type": "application/x-www-form-urlencoded" })
      if (webhook.signingSecret) {
        const seconds = Math.floor(clock.now() / 1000)
        headers.set("x-mailchimp-signature", sign(webhook.signingSecret, seconds, body))
      }
      return send(webhook.url, { method: "POST", headers, body })
    },
  }
}

/** `t=<unix>,v1=<hex>`: an HMAC-SHA256 over `t`, a dot and the raw body. */
function sign(secret: string, seconds: number, body: string): string {
  const hmac = new Bun.CryptoHasher("sha256", secret).update(`${seconds}.${body}`).digest("hex")
  return `t=${seconds},v1=${hmac}`
}
