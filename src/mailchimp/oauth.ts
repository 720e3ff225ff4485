import { AppError } from "../errors.ts"
import type { Fetch } from "../lib/fetch.ts"
import { createRedaction, type Redaction } from "../lib/redaction.ts"
import { type Clock, systemClock } from "../lib/time.ts"
import { MailchimpError } from "./errors.ts"
import { type MailchimpAccount, processMetadataResponse, processTokenResponse } from "./oauth-responses.ts"
import { retry } from "./retry.ts"
import { createTransport, toTransportError } from "./transport.ts"

export type MailchimpOAuthOptions = {
  readonly clientId: string
  readonly clientSecret: string
  /** Exactly as registered at Mailchimp. */
  readonly redirectUri: string
  readonly authorizationUrl: string
  readonly tokenUrl: string
  /** The metadata endpoint, which says in which data center a token's account is. */
  readonly dataCenterUrl: string
  readonly responseType?: string
  readonly grantType?: string
  /** For each request. */
  readonly timeoutMs?: number
  /** Masks secrets in errors. It learns each code and token. */
  readonly redaction?: Redaction
  readonly fetch?: Fetch
  readonly clock?: Clock
  readonly random?: () => number
}

export type MailchimpOAuth = {
  /** Where the user is sent to consent. */
  authorizationUrl(state: string): string
  /**
   * Exchanges a code for an access token. Never retried: a code is consumed even if the response is lost, so a failed
   * exchange needs a new authorization. Rejects with `exchange_failed`.
   */
  exchangeCode(code: string, signal?: AbortSignal): Promise<string>
  /**
   * Reads which account a token is for. Every failure is retried until `deadlineMs` have passed, because a gateway may
   * respond with anything. Rejects with {@link InvalidToken} if Mailchimp says that the token is invalid, otherwise with
   * `metadata_invalid`.
   *
   * @param deadlineMs 15 seconds by default; if 0, one request is made
   */
  readMetadata(accessToken: string, signal?: AbortSignal, deadlineMs?: number): Promise<MailchimpAccount>
}

const metadataDeadlineMs = 15_000
/** A token and its metadata have a few hundred bytes. */
const maxBytes = 2 ** 20

/** Mailchimp's OAuth 2. Written by hand, because its responses lack `token_type`, on which strict OAuth libraries insist. */
export function createMailchimpOAuth(options: MailchimpOAuthOptions): MailchimpOAuth {
  const {
    clientId,
    clientSecret,
    redirectUri,
    responseType = "code",
    grantType = "authorization_code",
  } = options
  const { timeoutMs = 10_000, clock = systemClock, random = Math.random, fetch = globalThis.fetch } = options
  const { redaction = createRedaction() } = options
  const redact = redaction.redactShort
  redaction.learn(clientSecret)

  const transport = createTransport({ fetch, clock })
  /** Bodies are small, so they need not be compressed. */
  const headers = { accept: "application/json", "accept-encoding": "identity" }

  return {
    authorizationUrl: (state) => {
      const url = new URL(options.authorizationUrl)
      url.searchParams.set("response_type", responseType)
      url.searchParams.set("client_id", clientId)
      url.searchParams.set("redirect_uri", redirectUri)
      url.searchParams.set("state", state)
      return url.href
    },

    exchangeCode: async (code, signal) => {
      redaction.learn(code)
      const form = {
        grant_type: grantType,
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uri: redirectUri,
        code,
      }
      const init = { method: "POST", headers, body: new URLSearchParams(form) }
      const bounds = { timeoutMs, maxBytes, signal }
      const response = await transport(options.tokenUrl, init, bounds).catch((cause: unknown) => {
        signal?.throwIfAborted()
        const error = toTransportError(cause, { action: "finish the authorization", redact })
        const detail =
          error.kind === "proxy_refused"
            ? error.detail
            : "Cannot finish the authorization because Mailchimp did not respond"
        throw new AppError("exchange_failed", detail, { upstream: error.upstream, cause })
      })
      const token = processTokenResponse(response, redact)
      redaction.learn(token)
      return token
    },

    readMetadata: (accessToken, signal = new AbortController().signal, deadlineMs = metadataDeadlineMs) => {
      redaction.learn(accessToken)
      const subject = { action: "read the account's metadata", redact }
      const init = { headers: { ...headers, authorization: `OAuth ${accessToken}` } }
      const bounds = { timeoutMs, maxBytes, signal }
      const deadlineAtMs = clock.monotonicMs() + deadlineMs
      return retry(
        async () => {
          const response = await transport(options.dataCenterUrl, init, bounds).catch((error: unknown) => {
            signal.throwIfAborted()
            throw toTransportError(error, subject)
          })
          return processMetadataResponse(response, subject, clock.now())
        },
        { leftMs: () => deadlineAtMs - clock.monotonicMs(), signal, clock, random },
      ).catch((error: unknown) => {
        if (!(error instanceof MailchimpError)) throw error
        const { upstream, cause } = error
        throw new AppError("metadata_invalid", error.detail, { upstream, cause })
      })
    },
  }
}
