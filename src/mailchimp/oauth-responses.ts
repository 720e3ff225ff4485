import { z } from "zod"
import { AppError, type Upstream } from "../errors.ts"
import type { Redact } from "../lib/redaction.ts"
import { isDataCenter } from "./address.ts"
import { InvalidToken, type Subject } from "./errors.ts"
import { toMailchimpError, toUnusableResponse } from "./judge-response.ts"
import type { RawResponse } from "./transport.ts"
import { readFailureBody } from "./failure-body.ts"

/** The Mailchimp account that a token is for. */
export type MailchimpAccount = {
  readonly dc: string
  readonly userId?: string
  readonly accountName?: string
}

// A token must fit into a header (RFC 6750, 2.1, is stricter still).
const tokenSchema = z.object({ access_token: z.string().regex(/^[\x21-\x7e]{1,1000}$/) })

/**
 * The access token that a response grants.
 *
 * @throws {AppError} `exchange_failed` for any other response
 */
export function processTokenResponse(response: RawResponse, redact: Redact): string {
  const body = parseJson(response)
  const { success, data } = tokenSchema.safeParse(body)
  if (isOk(response) && success) return data.access_token
  throw new AppError(
    "exchange_failed",
    "Cannot finish the authorization because Mailchimp did not issue a token",
    { upstream: upstreamOf(response, body, redact) },
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

/**
 * The account that a metadata response names. Only an account and `invalid_token` are surely Mailchimp's own responses.
 *
 * @param nowMs milliseconds since the epoch, against which a date in Retry-After is read
 * @throws {InvalidToken} if Mailchimp refused the token; a MailchimpError for any other response, after which the request may
 * be retried
 */
export function processMetadataResponse(
  response: RawResponse,
  subject: Subject,
  nowMs: number,
): MailchimpAccount {
  if (isTransient(response.status)) throw toMailchimpError(response, subject, nowMs)
  const body = parseJson(response)
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
  throw toUnusableResponse(response, subject, { upstream })
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

function isOk({ status }: RawResponse): boolean {
  return status >= 200 && status <= 299
}

function parseJson({ body }: RawResponse): unknown {
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

function upstreamOf(response: RawResponse, body: unknown, redact: Redact): Upstream {
  const failure = readFailureBody(response, redact)
  if (failure.type === "page") return failure.upstream
  const { error, error_description } = oauthErrorSchema.safeParse(body).data ?? {}
  return {
    status: response.status,
    ...(error !== undefined && { title: redact(error) }),
    ...(error_description !== undefined && { detail: redact(error_description) }),
  }
}
