import { z } from "zod"
import { AppError, type ErrorCode, type Upstream } from "../errors.ts"
import { type Clock, systemClock, withTimeout } from "../lib/time.ts"
import type { Fetch } from "../lib/fetch.ts"
import { readBody } from "../lib/read-body.ts"
import { createRedaction, type Redact, type Redaction } from "../lib/redaction.ts"
import { isDataCenter } from "./data-center.ts"
import {
  createMailchimpError,
  InvalidToken,
  MailchimpError,
  pageUpstreamOf,
  type RawResponse,
  type Subject,
  toMailchimpError,
  toTransportError,
} from "./errors.ts"
import { retry } from "./retry.ts"

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

/** The Mailchimp account that a token is for. */
type MailchimpAccount = {
  readonly dc: string
  readonly userId?: string
  readonly accountName?: string
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
/** Fetch would inflate a body without a limit. `readBody` has one, if a body arrives compressed all the same. */
const undecoded = { decompress: false }

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

  const send = (url: string, init: RequestInit, signal: AbortSignal | undefined) =>
    withTimeout(
      async (signal): Promise<RawResponse> => {
        // Following a redirect could send the secrets to another host.
        const response = await fetch(url, { ...init, ...undecoded, redirect: "manual", signal })
        const { status, headers } = response
        return { status, headers, body: await readBody(response, { maxBytes }) }
      },
      { timeoutMs, signal, clock },
    )

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
      const init = {
        method: "POST",
        headers: { accept: "application/json", "accept-encoding": "identity" },
        body: new URLSearchParams(form),
      }
      const response = await send(options.tokenUrl, init, signal).catch((cause: unknown) => {
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
      const init = {
        headers: {
          accept: "application/json",
          "accept-encoding": "identity",
          authorization: `OAuth ${accessToken}`,
        },
      }
      const deadlineAtMs = clock.monotonicMs() + deadlineMs
      return retry(
        async () => {
          const response = await send(options.dataCenterUrl, init, signal).catch((error: unknown) => {
            signal.throwIfAborted()
            throw toTransportError(error, subject)
          })
          if (isTransient(response.status)) throw toMailchimpError(response, subject, clock.now())
          return processMetadataResponse(response, subject)
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

/**
 * OAuth errors (RFC 6749, 4.1.2.1 and 5.2) caused by this service's own configuration: a wrong client id or secret, or a
 * redirect URI that is not registered. No user can fix them.
 */
const clientErrors: ReadonlySet<string> = new Set([
  "invalid_client",
  "unauthorized_client",
  "invalid_request",
  "invalid_redirect_uri",
  "redirect_uri_mismatch",
  "invalid_scope",
  "unsupported_response_type",
  "unsupported_grant_type",
])

export function isClientError(oauthError: string | undefined): boolean {
  return oauthError !== undefined && clientErrors.has(oauthError)
}

function isTransient(status: number): boolean {
  return status >= 500 || status === 429 || status === 408
}

// A token must fit into a header (RFC 6750, 2.1, is stricter still).
const tokenSchema = z.object({ access_token: z.string().regex(/^[\x21-\x7e]{1,1000}$/) })

function processTokenResponse(response: RawResponse, redact: Redact): string {
  const body = jsonOf(response)
  const { success, data } = tokenSchema.safeParse(body)
  if (isOk(response) && success) return data.access_token
  throw refusal(
    "exchange_failed",
    "Cannot finish the authorization because Mailchimp did not issue a token",
    {
      response,
      body,
      redact,
    },
  )
}

const metadataSchema = z.object({
  error: z.undefined().optional(),
  dc: z.string().refine(isDataCenter),
  user_id: z
    .union([z.int().nonnegative(), z.string().regex(/^\d{1,20}$/)])
    .transform(String)
    .optional()
    .catch(undefined),
  accountname: z.string().min(1).optional().catch(undefined),
})

/** Only an account and `invalid_token` are surely Mailchimp's own responses. The request is retried after any other. */
function processMetadataResponse(response: RawResponse, subject: Subject): MailchimpAccount {
  const body = jsonOf(response)
  const { success, data } = metadataSchema.safeParse(body)
  if (isOk(response) && success) {
    return {
      dc: data.dc,
      ...(data.user_id !== undefined && { userId: data.user_id }),
      ...(data.accountname !== undefined && { accountName: data.accountname }),
    }
  }
  const upstream = upstreamOf(response, body, subject.redact)
  // Mailchimp sends it with status 200. Gateways send the same text with a 401.
  if (response.status === 200 && oauthErrorSchema.safeParse(body).data?.error === "invalid_token")
    throw new InvalidToken(
      "metadata_invalid",
      "Cannot read the account's metadata because Mailchimp refused the token",
      { upstream },
    )
  const isPage = pageUpstreamOf(response, subject.redact) !== undefined
  throw createMailchimpError(isPage ? "blocked_page" : "unusable_response", subject, { upstream })
}

function isOk({ status }: RawResponse): boolean {
  return status >= 200 && status <= 299
}

function jsonOf({ body }: RawResponse): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    return undefined
  }
}

// RFC 6749, 5.2. Mailchimp's metadata endpoint sends it, too, with status 200.
const oauthErrorSchema = z.object({
  error: z.string().optional().catch(undefined),
  error_description: z.string().optional().catch(undefined),
})

function refusal(
  code: ErrorCode,
  detail: string,
  { response, body, redact }: { response: RawResponse; body: unknown; redact: Redact },
): AppError {
  return new AppError(code, detail, { upstream: upstreamOf(response, body, redact) })
}

function upstreamOf(response: RawResponse, body: unknown, redact: Redact): Upstream {
  const page = pageUpstreamOf(response, redact)
  if (page !== undefined) return page
  const oauthError = oauthErrorSchema.safeParse(body).data
  return {
    status: response.status,
    ...(oauthError?.error !== undefined && { title: redact(oauthError.error) }),
    ...(oauthError?.error_description !== undefined && { detail: redact(oauthError.error_description) }),
  }
}
