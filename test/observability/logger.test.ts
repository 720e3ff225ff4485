import { expect, test } from "bun:test"
import { parseConfig } from "../../src/config.ts"
import { createRedaction } from "../../src/lib/redaction.ts"
import { createLogger } from "../../src/observability/logger.ts"

test.each([
  ["mail ada.lovelace+x@example.co.uk now", "mail [address] now"],
  ['for {"email":"ada@example.com"}', 'for {"email":"[address]"}'],
  ["GET /members?email=ada%40example.com", "GET /members?email=[address]"],
  [
    "mail ada @ example.com, bob@ example.com and cyd @example.co.uk now",
    "mail [address], [address] and [address] now",
  ],
  ["mail ada%20@%20example.com", "mail [address]"],
  ["Authorization: Bearer 0123-us1", "Authorization: Bearer [token]"],
  ["token eyJhbGciOiJIUzI1NiJ9.eyJ1aWQiOiJhIn0.c2ln end", "token [token] end"],
  ["key 0123456789abcdef0123456789abcdef-us19", "key [hex]"],
  ["https://x/callback?code=abc&state=def", "https://x/callback?code=[value]&state=[value]"],
])("%s is masked", (text, masked) => {
  expect(createRedaction().redact(text)).toBe(masked)
})

test("fields have their wire names, and milliseconds are rounded", () => {
  const lines: string[] = []
  const logger = createLogger("info", { write: (line) => void lines.push(line) })
  logger.info(
    {
      request_id: "r1",
      listId: "a1",
      isShort: false,
      durationMs: 24.226371,
      perSecond: 0.5,
      error: new Error("x"),
    },
    "list",
  )
  const line = JSON.parse(lines.join(""))
  expect(line).toMatchObject({ request_id: "r1", list_id: "a1", is_short: false, duration_ms: 24 })
  expect(line).toMatchObject({ per_second: 0.5, error: { name: "Error", message: "x" } })
  expect(Object.keys(line).filter((name) => /[A-Z]/.test(name))).toEqual([])
})

test("an error is logged with its code and causes, masked, and without unknown fields", () => {
  const lines: string[] = []
  const cause = Object.assign(new Error("cannot write to ada@example.com"), {
    response: { secret: "hunter2" },
  })
  createLogger("info", { write: (line) => void lines.push(line) }).error(
    { error: new Error("failed for bob@example.com", { cause }) },
    "failed",
  )
  const [line = ""] = lines
  expect(JSON.parse(line)).toMatchObject({
    level: "error",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    msg: "failed",
    error: { message: "failed for [address]", cause: { message: "cannot write to [address]" } },
  })
  expect(line).not.toMatch(/hunter2|example\.com/)
})

test("a log line contains no secret of the process, verbatim or URL-encoded, whichever error contains it", () => {
  const env = {
    JWT_SECRET: "jwt+secret/of the platform, 32 bytes",
    MAILCHIMP_CLIENT_ID: "id",
    MAILCHIMP_CLIENT_SECRET: "client-secret",
    MONGODB_URI: "mongodb://user:pass-word@db1,db2/x",
    TOKEN_KEYS: `k1:${Buffer.alloc(32, 7).toString("base64")}`,
  }
  const { secrets } = parseConfig(env)
  const texts = [
    env.JWT_SECRET,
    env.MAILCHIMP_CLIENT_SECRET,
    env.MONGODB_URI,
    "pass-word",
    env.TOKEN_KEYS.slice(3),
  ]
  for (const text of texts.flatMap((text) => [text, encodeURIComponent(text)])) {
    const lines: string[] = []
    const logger = createLogger(
      "info",
      { write: (line) => void lines.push(line) },
      createRedaction(secrets).redact,
    )
    logger.error({ error: new Error(`a ${text} b`, { cause: new Error(`c ${text} d`) }) }, "failed")
    expect(lines.join("")).toContain("[secret]")
    expect(lines.join("")).not.toContain(text)
  }
})

test("a text of 14,000 letters is redacted quickly", () => {
  const before = process.cpuUsage()
  createRedaction().redact("x".repeat(14_000))
  expect(process.cpuUsage(before).user / 1000).toBeLessThan(100)
})
