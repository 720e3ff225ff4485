import { expect, test } from "bun:test"
import { MailchimpExportError } from "../../src/client/error.ts"
import { describeError } from "../../src/command/describe-error.ts"

test("an unreachable service is described with the reason", () => {
  const cause = new Error("getaddrinfo ENOTFOUND export.example")
  const detail = "Cannot reach the service: check baseUrl, and CORS_ORIGINS if a browser sent the request"
  const error = new MailchimpExportError("network_error", { detail, retryable: true, cause })
  expect(describeError(error)).toBe(
    "Cannot reach the service\nReason: getaddrinfo ENOTFOUND export.example\nCheck MAILCHIMP_EXPORT_URL, and whether the service runs",
  )
})

test.each([
  [404, "list_not_found", "mailchimp-export lists"],
  [404, "job_not_found", "mailchimp-export jobs list"],
  [404, "route_not_found", "MAILCHIMP_EXPORT_URL"],
] as const)("a %d %s says what to do, and not to look into the log", (status, code, advice) => {
  const error = new MailchimpExportError(code, {
    detail: "Not found",
    retryable: false,
    status,
    requestId: "r1",
  })
  expect(describeError(error)).toContain(advice)
  expect(describeError(error)).not.toContain("r1")
})

test("a failure of the service names the request, which the log has", () => {
  for (const status of [500, 502, undefined]) {
    const details = { detail: "Failed", retryable: false, status, requestId: "r1" }
    expect(describeError(new MailchimpExportError("internal_error", details))).toContain("request id r1")
  }
})
