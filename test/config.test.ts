import { expect, test } from "bun:test"
import { ConfigError, parseConfig, toEnvExample } from "../src/config.ts"

const least = { JWT_SECRET: "s".repeat(32), MAILCHIMP_CLIENT_ID: "id", MAILCHIMP_CLIENT_SECRET: "secret" }

const key = Buffer.alloc(32, 1).toString("base64")

function problemsOf(env: Record<string, string>): string {
  try {
    parseConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return ""
}

test(".env.example matches the configuration: regenerate it with `bun run env-example`", async () => {
  expect(await Bun.file(`${import.meta.dir}/../.env.example`).text()).toBe(toEnvExample())
})

test("three variables are enough to start", () => {
  const config = parseConfig(least)
  expect(config.publicUrl).toBe("http://127.0.0.1:3000")
  expect(config.mailchimp.redirectUri).toBe("http://127.0.0.1:3000/v1/integrations/mailchimp/callback")
  expect(config.forwardUrlOrigins).toEqual(["http://127.0.0.1:3000"])
  expect(config.storage).toEqual({ sqlitePath: ".data/export.sqlite" })
})

test("an IPv6 address is put in brackets in the URL, and a scheme may have any case", () => {
  expect(parseConfig({ ...least, HOST: "::1" }).publicUrl).toBe("http://[::1]:3000")
  expect(parseConfig({ ...least, PUBLIC_URL: "HTTPS://Export.example.com/" }).publicUrl).toBe(
    "https://export.example.com",
  )
  expect(parseConfig({ ...least, CORS_ORIGINS: "HTTPS://App.example.com/" }).corsOrigins).toEqual([
    "https://app.example.com",
  ])
})

test("an empty value counts as missing", () => {
  expect(parseConfig({ ...least, PORT: "", JWKS_URL: " ", MONGODB_URI: "" }).port).toBe(3000)
})

test("every missing variable is named at once, with its purpose", () => {
  const message = problemsOf({})
  for (const name of ["JWT_SECRET", "MAILCHIMP_CLIENT_ID", "MAILCHIMP_CLIENT_SECRET"])
    expect(message).toContain(`  ${name} is missing`)
  expect(message).toContain("The client id of the app registered at Mailchimp")
})

test.each([
  ["NODE_ENV", "prod", "must be development, test or production"],
  ["PORT", "70000", "must be a whole number from 1 to 65535"],
  ["BUN_CONFIG_MAX_HTTP_REQUESTS", "0", "must be a whole number from 1 to 65535"],
  ["BUN_CONFIG_MAX_HTTP_REQUESTS", "65536", "must be a whole number from 1 to 65535"],
  ["BUN_CONFIG_MAX_HTTP_REQUESTS", "1e3", "must be a whole number from 1 to 65535"],
  ["PORT", "30x", "must be a whole number from 1 to 65535"],
  ["PUBLIC_URL", "export.example.com", "must be a URL that begins with http:// or https://"],
  ["JWT_SECRET", "short", "must have at least 32 bytes (RFC 7518, 3.2)"],
  ["JWKS_URL", "https://id.example.com/jwks", "is set together with JWT_SECRET: set only one of them"],
  ["TOKEN_KEYS", "k1:dG9vIHNob3J0", "must hold keys of the form id:base64 of 32 bytes, separated by commas"],
  ["MONGODB_URI", "mysql://db", "must begin with mongodb:// or mongodb+srv://"],
  [
    "FORWARD_URL_ORIGINS",
    "https://app.example.com/path",
    "must hold origins such as https://app.example.com, separated by commas",
  ],
  [
    "CORS_ORIGINS",
    "app.example.com",
    "must hold origins such as https://app.example.com, separated by commas",
  ],
  ["LOGIN_COOKIE", "no", "must be on or off"],
  ["MAILCHIMP_API_URL", "{dc}.api.mailchimp.com", "must be a URL that begins with http:// or https://"],
  ["MAILCHIMP_LIST", "api/lists", "must be a path that begins with one /"],
  ["MAILCHIMP_LIST", "//evil.example/lists", "must be a path that begins with one /"],
  ["TOKEN_KEYS", ",", "must hold keys of the form id:base64 of 32 bytes, separated by commas"],
  ["TOKEN_KEYS", `k1:${key},k1:${key}`, "must not hold two keys with the same id"],
  ["HOST", "256.1.1.1", "must be a host name or an IP address"],
  ["MAILCHIMP_PAGE_SIZE", "1001", "must be a whole number from 1 to 1000"],
  ["JOB_FILES", "gs://bucket", "must be a folder, or s3://bucket or s3://bucket/prefix"],
  ["JOB_FILES", "s3://", "must be a folder, or s3://bucket or s3://bucket/prefix"],
  ["JOB_FILES", "s3://bucket/a//b", "must be a folder, or s3://bucket or s3://bucket/prefix"],
  ["S3_ENDPOINT", "http://store.example.com", "must begin with https://, except on this machine"],
  ["S3_ENDPOINT", "http://127.0.0.1.example.com", "must begin with https://, except on this machine"],
  ["LOG_LEVEL", "loud", "must be debug, info, warn, error or silent"],
])("%s=%s is refused: %s", (name, value, reason) => {
  expect(problemsOf({ ...least, [name]: value })).toContain(`  ${name} ${reason}`)
})

test("production refuses to start without TOKEN_KEYS", () => {
  const TOKEN_KEYS = `k1:${Buffer.alloc(32, 1).toString("base64")}`
  expect(problemsOf({ ...least, NODE_ENV: "production" })).toContain("  TOKEN_KEYS is missing in production")
  expect(parseConfig({ ...least, NODE_ENV: "production", TOKEN_KEYS }).tokenKeys?.[0]?.id).toBe("k1")
})

test("a process that does only a part of the work needs what it shares with the others", () => {
  const shared = { MONGODB_URI: "mongodb://127.0.0.1/x", REDIS_URL: "redis://127.0.0.1" }
  for (const ROLE of ["web", "worker"]) {
    expect(problemsOf({ ...least, ROLE, MONGODB_URI: shared.MONGODB_URI })).toContain(
      "ROLE is not all, so MONGODB_URI and REDIS_URL must be set",
    )
    expect(problemsOf({ ...least, ROLE, REDIS_URL: shared.REDIS_URL })).toContain("ROLE is not all")
    expect(problemsOf({ ...least, ROLE, ...shared })).toBe("")
  }
  expect(problemsOf({ ...least, ROLE: "both" })).toContain("ROLE must be all, web or worker")
})

test("a bucket needs both keys, and Amazon's endpoint is that of the region", () => {
  const message = problemsOf({ ...least, JOB_FILES: "s3://my-bucket" })
  for (const name of ["S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"])
    expect(message).toContain(`  ${name} is missing, and JOB_FILES is in S3`)
  const keys = { S3_ACCESS_KEY_ID: "key", S3_SECRET_ACCESS_KEY: "secret" }
  const files = (env: Record<string, string>) => parseConfig({ ...least, ...keys, ...env }).jobs.files
  expect(files({ JOB_FILES: "s3://my-bucket/some/prefix/", S3_REGION: "eu-central-1" })).toEqual({
    bucket: "my-bucket",
    prefix: "some/prefix/",
    region: "eu-central-1",
    endpoint: "https://s3.eu-central-1.amazonaws.com",
    accessKeyId: "key",
    secretAccessKey: "secret",
  })
  const local = { JOB_FILES: "s3://my-bucket", S3_ENDPOINT: "http://127.0.0.1:7070/" }
  expect(files(local)).toMatchObject({ prefix: "", endpoint: "http://127.0.0.1:7070" })
  expect(files({ JOB_FILES: "folder" })).toEqual({ folder: "folder" })
})

test("a refusal never quotes a value", () => {
  expect(
    problemsOf({ ...least, JWT_SECRET: "hunter2", TOKEN_KEYS: "hunter2", MONGODB_URI: "hunter2" }),
  ).not.toContain("hunter2")
})
