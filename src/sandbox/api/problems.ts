const documentation = "https://mailchimp.com/developer/marketing/docs/errors/"

const invalidResource =
  "The resource submitted could not be validated. For field-specific details, see the 'errors' array."

/** Mailchimp's errors as recorded, under names of our own. */
export const problems = {
  invalid_resource: { status: 400, title: "Invalid Resource", detail: invalidResource },
  api_key_invalid: {
    status: 401,
    title: "API Key Invalid",
    detail: "Your API key may be invalid, or you've attempted to access the wrong datacenter.",
  },
  api_key_missing: {
    status: 401,
    title: "API Key Missing",
    detail: "Your request did not include an API key.",
  },
  user_disabled: { status: 403, title: "User Disabled", detail: "This account has been deactivated." },
  wrong_datacenter: {
    status: 403,
    title: "Wrong Datacenter",
    detail: "The API key provided is linked to a different datacenter.",
  },
  forbidden: {
    status: 403,
    title: "Forbidden",
    detail: "The API key provided does not have permission to access the requested resource.",
  },
  resource_not_found: {
    status: 404,
    title: "Resource Not Found",
    detail: "The requested resource could not be found.",
  },
  method_not_allowed: {
    status: 405,
    title: "Method Not Allowed",
    detail:
      "The requested method and resource are not compatible. See the Allow header for this resource's available methods.",
  },
  too_many_requests: {
    status: 429,
    title: "Too Many Requests",
    detail: "You have exceeded the limit of 10 simultaneous connections.",
  },
  internal_server_error: {
    status: 500,
    title: "Internal Server Error",
    detail: "An unexpected internal error has occurred. Please contact Support for more information.",
  },
  service_unavailable: {
    status: 503,
    title: "Service Unavailable",
    detail: "The service is temporarily unavailable. Please try again later.",
  },
  gateway_timeout: {
    status: 504,
    title: "Gateway Timeout",
    detail: "The request took too long to complete.",
  },
} as const

export type ProblemName = keyof typeof problems

export type FieldError = { field: string; message: string }

/** An error response as Mailchimp writes it. The instance is random, as at Mailchimp. */
export function problemResponse(
  name: ProblemName,
  details: { detail?: string; errors?: readonly FieldError[]; headers?: Record<string, string> } = {},
): Response {
  const { status, title, detail } = problems[name]
  const instance = crypto.randomUUID()
  const body = {
    type: documentation,
    title,
    status,
    detail: details.detail ?? detail,
    instance,
    ...(details.errors ? { errors: details.errors } : {}),
  }
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      "content-type": "application/problem+json; charset=utf-8",
      "x-request-id": instance,
      ...details.headers,
    },
  })
}

/** How firewalls in front of the API block an address, taken from users' reports. */
const htmlPages = {
  akamai:
    '<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>\n<H1>Access Denied</H1>\n \nYou don\'t have permission to access "http&#58;&#47;&#47;us1&#46;api&#46;mailchimp&#46;com&#47;3&#46;0&#47;lists" on this server.<P>\nReference&#32;&#35;18&#46;2d351ab8&#46;1557333295&#46;a4e16ab\n</BODY>\n</HTML>\n',
  cloudflare:
    '<!DOCTYPE html>\n<html lang="en-US"><head><title>Attention Required! | Cloudflare</title></head><body><h1>Sorry, you have been blocked</h1><p>Cloudflare Ray ID: <strong class="font-semibold">7d3f1a2b4c5d6e7f</strong></p></body></html>\n',
  imperva:
    '<html style="height:100%"><head><META NAME="ROBOTS" CONTENT="NOINDEX, NOFOLLOW"></head><body>Request unsuccessful. Incapsula incident ID: 877000040112345678-123456789012345678</body></html>\n',
} as const
type HtmlPageName = keyof typeof htmlPages
export const htmlPageNames = Object.keys(htmlPages).filter((name): name is HtmlPageName => name in htmlPages)

/** A page without any JSON, as a proxy in front of the API sends it. */
export function htmlResponse(
  status: number,
  { page, retryAfter }: { page?: HtmlPageName | undefined; retryAfter?: string | undefined } = {},
): Response {
  const headers = {
    "content-type": "text/html",
    ...(retryAfter !== undefined && { "retry-after": retryAfter }),
  }
  if (page !== undefined) return new Response(htmlPages[page], { status, headers })
  const title = status === 200 ? "Maintenance" : `${status} ${status === 403 ? "Forbidden" : "Bad Gateway"}`
  const body = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>openresty</center>\r\n</body>\r\n</html>\r\n`
  return new Response(body, { status, headers })
}
