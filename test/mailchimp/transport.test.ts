import { describe, expect, test } from "bun:test"
import { createRedaction } from "../../src/lib/redaction.ts"
import { TimedOut } from "../../src/lib/time.ts"
import { toTransportError } from "../../src/mailchimp/transport.ts"

const subject = { action: "read the members", listId: "a1b2", redact: createRedaction().redactShort }

describe("toTransportError()", () => {
  test.each([
    ["Proxy refused to open a tunnel: 407 Proxy Authentication Required", 407],
    ["Proxy refused to open a tunnel: 403 Forbidden", 403],
    ["Proxy refused to open a tunnel", 502],
  ])("reports that the proxy refuses a tunnel: %s", (message, status) => {
    const error = toTransportError(Object.assign(new Error(message), { code: "ERR_PROXY_TUNNEL" }), subject)
    expect(error).toMatchObject({ kind: "proxy_refused", code: "mailchimp_error", upstream: { status } })
    expect(error.detail).toContain("the proxy in front of this service refuses it: check HTTPS_PROXY")
  })

  test("distinguishes a time-out from a failed connection, and keeps the cause for the log", () => {
    const [late, broken] = [new TimedOut("late"), new Error("ECONNRESET")]
    expect(toTransportError(late, subject)).toMatchObject({
      kind: "timed_out",
      code: "mailchimp_timeout",
      status: 504,
      retryable: true,
      cause: late,
    })
    expect(toTransportError(broken, subject)).toMatchObject({
      kind: "connection_failed",
      code: "mailchimp_error",
      status: 502,
      retryable: true,
      cause: broken,
    })
  })
})
