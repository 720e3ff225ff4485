import { MailchimpExportError } from "./error.ts"
import type { ErrorCode, Upstream } from "./types.ts"

type Problem = {
  readonly code?: ErrorCode
  readonly detail?: string
  readonly upstream?: Upstream
}

/** Passing failures of the service, and of proxies in front of it. A 500 of the service is none. */
const passing = [408, 425, 429, 502, 503, 504]

/** The error of a response that was not successful. */
export async function toError(response: Response): Promise<MailchimpExportError> {
  const { status, headers } = response
  const { code, detail = unexpected(status), upstream } = await readProblem(response)
  return new MailchimpExportError(code ?? "unexpected_response", {
    detail,
    status,
    retryable: passing.includes(status),
    requestId: headers.get("x-request-id") ?? undefined,
    upstream,
    retryAfterS: Number(headers.get("retry-after")) || undefined,
  })
}

async function readProblem(response: Response): Promise<Problem> {
  const isProblem = response.headers.get("content-type")?.startsWith("application/problem+json")
  try {
    if (isProblem) return JSON.parse(await response.text())
    await response.body?.cancel()
  } catch {
    // The status alone tells whether a retry makes sense.
  }
  return {}
}

function unexpected(status: number): string {
  return `Unexpected response with the status ${status}: check baseUrl, and the proxies in front of the service`
}
