import { afterAll, describe, expect, test } from "bun:test"
import { join } from "node:path"
import { parseConfig, toEnvExample } from "../../src/config.ts"
import { secretsOf } from "../../src/environment/secrets.ts"
import { createRedaction } from "../../src/lib/redaction.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { connectAccount, sandboxEnv, startService } from "../support/service.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"

const key = (byte: number) => Buffer.alloc(32, byte).toString("base64")
const least = {
  JWT_SECRET: "s".repeat(32),
  MAILCHIMP_CLIENT_ID: "id",
  MAILCHIMP_CLIENT_SECRET: "client-secret",
}

/** A value of each secret variable, and the parts that no text may show. */
const secrets: Record<string, readonly [value: string, ...hidden: string[]]> = {
  JWT_SECRET: ['jwt+secret/of "the" plätform = 32', 'jwt+secret/of "the" plätform = 32'],
  JWKS_URL: ["https://idp:jwks-pass@id.example.com/keys?api_key=jwks-key", "jwks-pass", "jwks-key"],
  TOKEN_KEYS: [`k2:${key(251)},k1:${key(7)}`, key(251), key(7)],
  METRICS_TOKEN: ["metrics/token+of=Prometheus", "metrics/token+of=Prometheus"],
  MONGODB_URI: [
    "mongodb://user:p%2Fss-word@db1,db2:27017/x?tlsCertificateKeyFilePassword=cert-pass",
    "p%2Fss-word",
    "p/ss-word",
    "cert-pass",
  ],
  REDIS_URL: ["rediss://ops:redis%2Fpass@redis:6379/1", "redis%2Fpass", "redis/pass"],
  MAILCHIMP_CLIENT_SECRET: ["client/secret+of=Mailchimp", "client/secret+of=Mailchimp"],
  HTTPS_PROXY: ["http://ops:proxy-pass@proxy:3128", "proxy-pass"],
  S3_SECRET_ACCESS_KEY: ["secret/key+of=the store", "secret/key+of=the store"],
  https_proxy: ["http://proxy-token@proxy:3128", "proxy-token"],
  HTTP_PROXY: ["ops:other-pass@proxy:3128", "other-pass"],
  http_proxy: ["http://ops:p%40ss-other@proxy", "p%40ss-other", "p@ss-other"],
}

/** Variables that may be shown. A new variable belongs here, or above. */
const harmless = [
  "NODE_ENV HOST PORT PUBLIC_URL SHUTDOWN_TIMEOUT_MS LOG_LEVEL JWT_ISSUER JWT_AUDIENCE SQLITE_PATH",
  "FORWARD_URL_ORIGINS CORS_ORIGINS LOGIN_COOKIE MAILCHIMP_CLIENT_ID MAILCHIMP_REDIRECT_URI",
  "MAILCHIMP_AUTHORIZATION_URL MAILCHIMP_TOKEN_URL MAILCHIMP_DATACENTER_URL MAILCHIMP_RESPONSE_TYPE",
  "MAILCHIMP_GRANT_TYPE MAILCHIMP_API_URL MAILCHIMP_LIST MAILCHIMP_MAX_CONNECTIONS MAILCHIMP_PAGE_SIZE",
  "MAILCHIMP_REQUESTS_PER_SECOND MAILCHIMP_TIMEOUT_MS MAILCHIMP_RETRY_S CURSOR_MARGIN_S",
  "DELIVERY_RETENTION_DAYS EXPORT_STALL_TIMEOUT_MS MAX_EXPORTS MAX_EXPORTS_PER_CALLER BUN_CONFIG_MAX_HTTP_REQUESTS",
  "FOLLOW_INTERVAL_S MAX_FOLLOWERS ROLE JOB_FILES_SHARED",
  "JOB_FILES JOB_PART_MB JOB_CONCURRENCY JOB_RETENTION_H LISTS_CACHE_S OTEL_EXPORTER_OTLP_ENDPOINT",
  "S3_ENDPOINT S3_REGION S3_ACCESS_KEY_ID",
].flatMap((line) => line.split(" "))

/** A text in every encoding that other programs may give it. */
function spelled(secret: string): string[] {
  const base64 = ["", "u", "user:"].flatMap((before) =>
    (["base64", "base64url"] as const).map((encoding) =>
      Buffer.from(`${before}${secret}`).toString(encoding),
    ),
  )
  return [
    secret,
    encodeURIComponent(secret),
    encodeURIComponent(secret).replaceAll(/%../g, (code) => code.toLowerCase()),
    new URLSearchParams({ a: secret }).toString(),
    JSON.stringify({ a: secret }),
    JSON.stringify({ a: secret }).replaceAll("/", "\\/").replaceAll("ä", "\\u00e4"),
    ...base64.map((text) => `Basic of ${text}`),
    // A key in the other alphabet of base64.
    ...(/^[\w+/]{43}=$/.test(secret) ? [Buffer.from(secret, "base64").toString("base64url")] : []),
  ]
}

/** Whether any five letters in a row are left of a text that should be masked. */
function isShown(masked: string, text: string): boolean {
  return Array.from({ length: text.length - 11 }, (_, start) => text.slice(start, start + 12)).some((part) =>
    masked.includes(part),
  )
}

test("every variable of the configuration is either harmless or redacted", () => {
  const names = [...toEnvExample().matchAll(/^(?:# )?([A-Z_][A-Z\d_]*)=/gm)].map(([, name = ""]) => name)
  expect(names.length).toBeGreaterThan(30)
  expect(names.filter((name) => !(name in secrets) && !harmless.includes(name))).toEqual([])
  for (const [name, [value, ...hidden]] of Object.entries(secrets)) {
    const { redact } = createRedaction(secretsOf({ ...least, [name]: value }))
    for (const text of hidden.flatMap(spelled)) {
      const masked = redact(`before ${text} after`)
      expect([name, text, masked]).toEqual([name, text, expect.stringMatching(/^before .*after$/)])
      expect([name, masked, masked.includes(text)]).toEqual([name, masked, false])
      if (text.length > 14)
        expect([
          masked,
          text,
          isShown(masked.replace("Basic of ", ""), text.replace(/^.*Basic of |^\{"a":"|^a=/, "")),
        ]).toEqual([masked, text, false])
    }
  }
})

test("a URL of any variable may hold a password", () => {
  for (const name of harmless) {
    const { redact } = createRedaction(secretsOf({ ...least, [name]: "https://user:hunter22@host/x" }))
    expect([name, redact("it is hunter22!")]).toEqual([name, "it is [secret]!"])
  }
})

test("secrets of an invalid configuration are redacted, too, because its error may be shown", () => {
  expect(secretsOf({ MAILCHIMP_CLIENT_SECRET: "client-secret", TOKEN_KEYS: "k1:short-key,no-id" })).toEqual([
    "k1:short-key,no-id",
    "short-key",
    "no-id",
    "client-secret",
  ])
  expect(parseConfig(least).secrets).toEqual([least.JWT_SECRET, "client-secret"])
})

describe("of a running service", () => {
  const folder = temporaryFolder()
  const proxied = { HTTPS_PROXY: "http://ops:proxy-pass@proxy:3128" }
  const mailchimp = startSandbox({ decision: "approve", accounts: [{ lists: [{ name: "One", count: 3 }] }] })
  const starting = startService({
    ...sandboxEnv(mailchimp),
    ...proxied,
    SQLITE_PATH: join(folder.path, "export.sqlite"),
  })
  afterAll(async () => {
    await (await starting).stop()
    await mailchimp.stop()
    folder.remove()
  })

  test("neither a log line nor Mailchimp's own error shows a secret, the key of the key file, or a token in use", async () => {
    const service = await starting
    const headers = await connectAccount(service)
    expect((await fetch(`${service.api}/lists`, { headers })).status).toBe(200)
    const [token = ""] = mailchimp.sandbox.state.accounts.flatMap(({ tokens }) => [...tokens])
    const fileKey = await Bun.file(join(folder.path, "token.key")).text()
    const texts = [sandboxEnv(mailchimp)["JWT_SECRET"] ?? "", "sandbox-secret", "proxy-pass", fileKey, token]
    expect(texts.map(({ length }) => length).filter((length) => length < 8)).toEqual([])
    for (const text of texts.flatMap(spelled)) {
      mailchimp.sandbox.faults.add({
        match: { path: /lists$/ },
        action: {
          kind: "json",
          status: 400,
          body: { title: "Invalid Resource", detail: `before ${text} after` },
        },
      })
      const response = await (await fetch(`${service.api}/lists`, { headers })).text()
      expect(response).toMatch(/before .* after/)
      service.services.logger.error(
        { error: new Error(`before ${text} after`, { cause: new Error(text) }) },
        "x",
      )
      expect([text, response.includes(text)]).toEqual([text, false])
    }
    expect(service.log.join("\n")).toContain("[secret]")
    expect(texts.flatMap(spelled).filter((text) => service.log.join("\n").includes(text))).toEqual([])
  })
})
