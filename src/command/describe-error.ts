import { MailchimpExportError } from "../client/error.ts"

/** What a person reads about a failure: what is wrong, what Mailchimp said, and where the service's log has more. */
export function describeError(error: unknown): string {
  const lines = [error instanceof Error ? toSentence(error) : String(error)]
  if (error instanceof MailchimpExportError) {
    const { upstream, requestId, retryAfterS, code, cause } = error
    if (upstream) {
      const words = [upstream.title, upstream.detail].filter(Boolean).join(": ")
      lines.push(`Mailchimp said: ${upstream.status} ${words}`.trimEnd())
    }
    if (code === "network_error" && cause instanceof Error) lines.push(`Reason: ${cause.message.trim()}`)
    const advice = adviceFor(code)
    if (advice) lines.push(advice)
    if (retryAfterS !== undefined) lines.push(`Try again in ${retryAfterS} s`)
    if (requestId !== undefined && isOfService(error))
      lines.push(`The service's log has more under the request id ${requestId}`)
  }
  return lines.join("\n")
}

/** The log has nothing more about what the caller did wrong. */
function isOfService({ status }: MailchimpExportError): boolean {
  return status === undefined || status >= 500
}

/** What a program reads about a failure. */
export function toFailure(error: unknown) {
  if (!(error instanceof MailchimpExportError)) return { detail: describeError(error) }
  const { code, retryable, upstream, requestId } = error
  return {
    code,
    detail: toSentence(error),
    advice: adviceFor(code),
    retryable,
    upstream,
    request_id: requestId,
  }
}

/** What is wrong. If the command has advice of its own, that of the client or the service would name options or routes. */
export function toSentence(error: Error): string {
  const hasAdvice = error instanceof MailchimpExportError && adviceFor(error.code) !== undefined
  return hasAdvice ? error.message.replace(/: [a-z/][^:]*$/, "") : error.message
}

function adviceFor(code: MailchimpExportError["code"]): string | undefined {
  switch (code) {
    case "access_token_not_found":
    case "connection_invalidated":
    case "disconnected":
      return "Connect the account: mailchimp-export connect"
    case "list_not_found":
      return "Show the ids of your lists: mailchimp-export lists"
    case "job_not_found":
      return "Show the ids of your jobs: mailchimp-export jobs list"
    case "unauthorized":
      return "Get a new token, and put it into MAILCHIMP_EXPORT_TOKEN or the file of --token-file"
    case "network_error":
    case "unexpected_response":
    case "route_not_found":
      return "Check MAILCHIMP_EXPORT_URL, and whether the service runs"
    default:
      return undefined
  }
}
