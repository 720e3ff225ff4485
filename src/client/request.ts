import { MailchimpExportError } from "./error.ts"
import { toError } from "./problem.ts"

/** Where the service is, and who is calling. */
export type Service = {
  /** The service's `PUBLIC_URL`. The token is sent to this URL alone. */
  readonly baseUrl: string
  /**
   * The JWT of the caller, or a function that returns it, which is called for each request. If the service refused a
   * token, the function is called again with that token, and must return another one.
   */
  readonly token: string | ((refused?: string) => string | Promise<string>)
  /** Acts for this sub-account, which the token's `sub_accounts` must include. */
  readonly subAccountId?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** The global `fetch` by default. */
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined
}

export type Request = {
  readonly method?: "GET" | "POST" | "DELETE"
  readonly body?: string
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly headers?: Readonly<Record<string, string>>
  readonly credentials?: "include" | "omit"
  readonly signal?: AbortSignal | undefined
}

const prefix = "/v1/integrations/mailchimp"

/**
 * Sends a request and returns a successful response. If the token is refused, the request is sent once more, with
 * another token if there is one.
 *
 * @throws {MailchimpExportError} for every other response, and for none
 */
export async function send(service: Service, path: string, request: Request = {}): Promise<Response> {
  const { token } = service
  const first = typeof token === "string" ? token : await token()
  const response = await sendWith(first, service, path, request)
  if (response.ok) return response
  const error = await toError(response)
  const second = response.status === 401 && typeof token !== "string" ? await token(first) : first
  if (second === first) throw error
  const retried = await sendWith(second, service, path, request)
  if (retried.ok) return retried
  throw await toError(retried)
}

/** The `data` of a response in the service's envelope. */
export async function readData<T>(service: Service, path: string, request: Request = {}): Promise<T> {
  const headers = { accept: "application/json", ...request.headers }
  const response = await send(service, path, { ...request, headers })
  try {
    const envelope: { readonly data: T } = JSON.parse(await response.text())
    return envelope.data
  } catch (cause) {
    service.signal?.throwIfAborted()
    throw networkError("Cannot read the response because the transfer broke", cause)
  }
}

async function sendWith(token: string, service: Service, path: string, request: Request): Promise<Response> {
  const { baseUrl, subAccountId, fetch = globalThis.fetch } = service
  const { query, headers, signal = service.signal, ...init } = request
  signal?.throwIfAborted()
  // The message of an invalid header would show the token.
  if (!/^[!-~]+$/.test(token)) {
    const detail = "Cannot send the token because it is empty or has characters that no JWT has"
    throw new MailchimpExportError("unauthorized", { detail, retryable: false })
  }
  const root = baseUrl.replace(/\/+$/, "")
  const url = (root.endsWith(prefix) ? root : root + prefix) + path
  try {
    return await fetch(url + toQuery({ sub_account_id: subAccountId, ...query }), {
      method: "GET",
      credentials: "omit",
      ...init,
      headers: { ...headers, authorization: `Bearer ${token}` },
      redirect: "error",
      cache: "no-store",
      signal: signal ?? null,
    })
  } catch (cause) {
    signal?.throwIfAborted()
    const detail = "Cannot reach the service: check baseUrl, and CORS_ORIGINS if a browser sent the request"
    throw networkError(detail, cause)
  }
}

function toQuery(parameters: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, value)
  const text = String(query)
  return text && `?${text}`
}

export function networkError(detail: string, cause?: unknown): MailchimpExportError {
  return new MailchimpExportError("network_error", { detail, retryable: true, cause })
}
