import { z } from "zod"
import type { SealerKey } from "./sealer.ts"

/** The path below PUBLIC_URL to which Mailchimp redirects the browser. */
const callbackPath = "/v1/integrations/mailchimp/callback"

const variable = <T extends z.ZodType>(schema: T, description: string, example = "") =>
  schema.meta({ description, example })

const text = z.string().trim()
const wholeNumber = (min: number, max: number) => {
  const range = `must be a whole number from ${min} to ${max}`
  return z.coerce.number(range).int(range).min(min, range).max(max, range)
}
/** Bun reads these variables itself, and accepts only digits. */
const maxRequests = z
  .string()
  .refine(
    (value) => /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535,
    "must be a whole number from 1 to 65535",
  )
  .transform(Number)
const url = text.refine((value) => isHttpUrl(value), "must be a URL that begins with http:// or https://")
/** Normalized for comparison: scheme and host in lower case, no trailing slash. */
const baseUrl = url.transform((value) => new URL(value).href.replace(/\/+$/, ""))
const origins = text.transform((value, context) =>
  splitList(value).map((item) => {
    const origin = isHttpUrl(item) ? new URL(item).origin : ""
    if (origin !== item.replace(/\/$/, "").toLowerCase()) {
      context.addIssue("must hold origins such as https://app.example.com, separated by commas")
    }
    return origin
  }),
)
const tokenKeys = text.transform((value, context) => {
  const keys = splitList(value).map((item): SealerKey => {
    const [id = "", encoded = ""] = item.split(/:(.*)/s)
    return { id, key: Uint8Array.from(Buffer.from(encoded, "base64")) }
  })
  if (keys.length === 0 || keys.some(({ id, key }) => !/^[\w-]+$/.test(id) || key.length !== 32)) {
    context.addIssue("must hold keys of the form id:base64 of 32 bytes, separated by commas")
  } else if (new Set(keys.map(({ id }) => id)).size < keys.length) {
    context.addIssue("must not hold two keys with the same id")
  }
  return keys
})

/** Every environment variable, in the order of .env.example. An empty value counts as missing. */
const environment = z.object({
  NODE_ENV: variable(
    z
      .enum(["development", "test", "production"], "must be development, test or production")
      .default("development"),
    "development, test or production, which refuses to start without TOKEN_KEYS",
  ),
  HOST: variable(
    text.refine(isHost, "must be a host name or an IP address").default("127.0.0.1"),
    "The address to listen on; 0.0.0.0 for all",
  ),
  PORT: variable(wholeNumber(1, 65_535).default(3000), "The port to listen on"),
  PUBLIC_URL: variable(
    baseUrl.optional(),
    "Where browsers reach this service, on the same site as your pages; for local work 127.0.0.1, because Mailchimp refuses localhost",
    "http://127.0.0.1:3000",
  ),
  SHUTDOWN_TIMEOUT_MS: variable(
    wholeNumber(0, 3_600_000).default(30_000),
    "How long running exports may continue after SIGTERM before they are aborted",
  ),
  LOG_LEVEL: variable(
    z
      .enum(["debug", "info", "warn", "error", "silent"], "must be debug, info, warn, error or silent")
      .default("info"),
    "The least severe log line to write",
  ),

  JWT_SECRET: variable(
    text
      .refine((value) => Buffer.byteLength(value) >= 32, "must have at least 32 bytes (RFC 7518, 3.2)")
      .optional(),
    "The secret of the platform's HS256 tokens; set this or JWKS_URL",
  ),
  JWKS_URL: variable(
    url.optional(),
    "The URL of the keys of the platform's RS, ES or EdDSA tokens; set this or JWT_SECRET",
    "https://id.example.com/.well-known/jwks.json",
  ),
  JWT_ISSUER: variable(text.optional(), "If set, the `iss` that a token must have", "https://id.example.com"),
  JWT_AUDIENCE: variable(text.optional(), "If set, the `aud` that a token must have", "mailchimp-export"),

  TOKEN_KEYS: variable(
    tokenKeys.optional(),
    "Keys that seal stored tokens, each id:base64 of 32 bytes, separated by commas: the first key seals, every key opens. Outside production a key file is created next to the SQLite file",
  ),
  SQLITE_PATH: variable(text.default(".data/export.sqlite"), "The file of the embedded database"),
  MONGODB_URI: variable(
    text.regex(/^mongodb(\+srv)?:\/\//, "must begin with mongodb:// or mongodb+srv://").optional(),
    "If set, MongoDB is used instead of the embedded database",
    "mongodb://127.0.0.1:27017/integrations",
  ),

  FORWARD_URL_ORIGINS: variable(
    origins.default([]),
    "Origins to which a login may redirect the browser, separated by commas; if empty, only PUBLIC_URL's",
    "https://app.example.com",
  ),
  CORS_ORIGINS: variable(
    origins.default([]),
    "Origins whose pages may call this service, with credentials. A login must come from the same site as PUBLIC_URL: from app.example.com for export.example.com, but not from localhost for 127.0.0.1",
    "https://app.example.com",
  ),
  LOGIN_COOKIE: variable(
    z.enum(["on", "off"], "must be on or off").default("on"),
    "off if the platform's server, not the user's browser, requests the login. If on, /auth/login refuses pages of another site, because the browser would drop its cookie",
  ),

  MAILCHIMP_CLIENT_ID: variable(
    text.min(1, "must not be empty"),
    "The client id of the app registered at Mailchimp",
  ),
  MAILCHIMP_CLIENT_SECRET: variable(text.min(1, "must not be empty"), "The client secret of that app"),
  MAILCHIMP_REDIRECT_URI: variable(
    url.optional(),
    `The redirect URI of that app, exactly as registered; by default PUBLIC_URL + ${callbackPath}`,
    `http://127.0.0.1:3000${callbackPath}`,
  ),
  MAILCHIMP_AUTHORIZATION_URL: variable(
    url.default("https://login.mailchimp.com/oauth2/authorize"),
    "The URL where a login begins",
  ),
  MAILCHIMP_TOKEN_URL: variable(
    url.default("https://login.mailchimp.com/oauth2/token"),
    "The URL that exchanges a code for a token",
  ),
  MAILCHIMP_DATACENTER_URL: variable(
    url.default("https://login.mailchimp.com/oauth2/metadata"),
    "The URL that returns a token's account and data center",
  ),
  MAILCHIMP_RESPONSE_TYPE: variable(text.default("code"), "The response_type of the login request"),
  MAILCHIMP_GRANT_TYPE: variable(text.default("authorization_code"), "The grant_type of the token request"),
  MAILCHIMP_API_URL: variable(
    text
      .refine(
        (value) => isHttpUrl(value.replaceAll("{dc}", "us1")),
        "must be a URL that begins with http:// or https://",
      )
      .transform((value) => value.replace(/\/+$/, ""))
      .default("https://{dc}.api.mailchimp.com/3.0"),
    "The URL of the Marketing API; {dc} is replaced by the account's data center",
  ),
  MAILCHIMP_LIST: variable(
    text
      .regex(/^\/(?![/\\])/, "must be a path that begins with one /")
      .transform((value) => value.replace(/\/+$/, ""))
      .optional(),
    "If set, the path of the lists on the host of MAILCHIMP_API_URL",
    "/3.0/lists",
  ),
  MAILCHIMP_MAX_CONNECTIONS: variable(
    wholeNumber(1, 100).default(10),
    "Simultaneous connections to Mailchimp for each Mailchimp user; Mailchimp refuses more than 10",
  ),
  MAILCHIMP_REQUESTS_PER_SECOND: variable(
    wholeNumber(1, 1000).default(10),
    "Requests per second for each Mailchimp user, after a burst of the same number",
  ),
  MAILCHIMP_PAGE_SIZE: variable(wholeNumber(1, 1000).default(1000), "Members to request per page"),
  MAILCHIMP_TIMEOUT_MS: variable(
    wholeNumber(1, 3_600_000).default(125_000),
    "After how long a request times out; Mailchimp itself aborts a request after 120 s",
  ),
  MAILCHIMP_RETRY_S: variable(
    wholeNumber(1, 86_400).default(600),
    "How long a request that fails in the middle of an export is retried",
  ),
  CURSOR_MARGIN_S: variable(
    wholeNumber(0, 600).default(10),
    "How old a second must be before it counts as closed, i.e. can no longer change",
  ),
  EXPORT_STALL_TIMEOUT_MS: variable(
    wholeNumber(1, 86_400_000).default(300_000),
    "How long an export waits for a consumer that stops reading",
  ),
  MAX_EXPORTS: variable(
    wholeNumber(1, 100_000).default(200),
    "Exports and slices that this process runs concurrently; more are refused with 429",
  ),
  MAX_EXPORTS_PER_CALLER: variable(
    wholeNumber(1, 100_000).default(5),
    "Exports and slices that one caller (account_id and uid of the JWT) may run concurrently",
  ),
  BUN_CONFIG_MAX_HTTP_REQUESTS: variable(
    maxRequests.optional(),
    "Concurrent requests to Mailchimp, all accounts together; without it Bun allows only 256, so slow accounts delay all others. It must be set before the process starts, and `run start` sets it",
    "65535",
  ),
})

const variables = Object.entries(environment.shape).map(([name, schema]) => {
  const { description = "", example } = schema.meta() ?? {}
  return { name, schema, description, example: String(example) }
})

/** The service's configuration, in the form that the other modules use. */
export type Config = ReturnType<typeof toConfig>

/** Variables that are missing or invalid: one message names them all. The message never quotes a value. */
export class ConfigError extends Error {
  override readonly name = "ConfigError"
}

/**
 * Reads the configuration from environment variables.
 *
 * @throws ConfigError that names every missing or invalid variable and its purpose
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const set = Object.fromEntries(
    variables.flatMap(({ name }) => (env[name]?.trim() ? [[name, env[name]]] : [])),
  )
  const parsed = environment.safeParse(set)
  const problems = new Map<string, string>()
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0])
    problems.set(name, name in set ? issue.message : "is missing")
  }
  if (!("JWT_SECRET" in set) && !("JWKS_URL" in set))
    problems.set("JWT_SECRET", "is missing, and so is JWKS_URL: set one of them")
  if ("JWT_SECRET" in set && "JWKS_URL" in set)
    problems.set("JWKS_URL", "is set together with JWT_SECRET: set only one of them")
  if (set["NODE_ENV"] === "production" && !("TOKEN_KEYS" in set))
    problems.set("TOKEN_KEYS", "is missing in production")

  if (!parsed.success || problems.size > 0) {
    const lines = variables
      .filter(({ name }) => problems.has(name))
      .map(({ name, description }) => `  ${name} ${problems.get(name)}\n      ${description}`)
    throw new ConfigError(
      `Cannot start because the environment is invalid:\n\n${lines.join("\n")}\n\nEvery variable is described in .env.example`,
    )
  }
  return toConfig(parsed.data, secretsOf(env))
}

/**
 * The text of .env.example: required variables are set, all others are commented out with their default or an
 * example.
 */
export function toEnvExample(): string {
  const blocks = variables.map(({ name, schema, description, example }) => {
    const whenMissing = schema.safeParse(undefined)
    if (!whenMissing.success) return `# ${description}\n${name}=\n`
    const { data } = whenMissing
    return `# ${description}\n# ${name}=${data === undefined || Array.isArray(data) ? example : data}\n`
  })
  return `# Generated from src/config.ts by \`bun run env-example\`\n\n${blocks.join("\n")}`
}

function toConfig(env: z.infer<typeof environment>, secrets: readonly string[]) {
  const publicUrl = env.PUBLIC_URL ?? `http://${hostInUrl(env.HOST)}:${env.PORT}`
  return {
    host: env.HOST,
    port: env.PORT,
    publicUrl,
    shutdownTimeoutMs: env.SHUTDOWN_TIMEOUT_MS,
    logLevel: env.LOG_LEVEL,
    /** The secrets to redact from errors and log lines: see {@link secretsOf}. */
    secrets,
    jwt: {
      secret: env.JWT_SECRET,
      jwksUrl: env.JWKS_URL,
      issuer: env.JWT_ISSUER,
      audience: env.JWT_AUDIENCE,
    },
    tokenKeys: env.TOKEN_KEYS,
    storage:
      env.MONGODB_URI === undefined ? { sqlitePath: env.SQLITE_PATH } : { mongodbUri: env.MONGODB_URI },
    sqlitePath: env.SQLITE_PATH,
    forwardUrlOrigins:
      env.FORWARD_URL_ORIGINS.length > 0 ? env.FORWARD_URL_ORIGINS : [new URL(publicUrl).origin],
    corsOrigins: env.CORS_ORIGINS,
    loginCookie: env.LOGIN_COOKIE === "on",
    mailchimp: {
      clientId: env.MAILCHIMP_CLIENT_ID,
      clientSecret: env.MAILCHIMP_CLIENT_SECRET,
      redirectUri: env.MAILCHIMP_REDIRECT_URI ?? publicUrl + callbackPath,
      authorizationUrl: env.MAILCHIMP_AUTHORIZATION_URL,
      tokenUrl: env.MAILCHIMP_TOKEN_URL,
      datacenterUrl: env.MAILCHIMP_DATACENTER_URL,
      responseType: env.MAILCHIMP_RESPONSE_TYPE,
      grantType: env.MAILCHIMP_GRANT_TYPE,
      apiUrl: env.MAILCHIMP_API_URL,
      listsPath: env.MAILCHIMP_LIST,
      maxConnections: env.MAILCHIMP_MAX_CONNECTIONS,
      requestsPerSecond: env.MAILCHIMP_REQUESTS_PER_SECOND,
      pageSize: env.MAILCHIMP_PAGE_SIZE,
      timeoutMs: env.MAILCHIMP_TIMEOUT_MS,
      retryS: env.MAILCHIMP_RETRY_S,
    },
    cursorMarginS: env.CURSOR_MARGIN_S,
    exportStallTimeoutMs: env.EXPORT_STALL_TIMEOUT_MS,
    maxExports: env.MAX_EXPORTS,
    maxExportsPerCaller: env.MAX_EXPORTS_PER_CALLER,
    maxHttpRequests: env.BUN_CONFIG_MAX_HTTP_REQUESTS,
  }
}

/** The variables whose whole value is a secret. */
const secretVariables = ["JWT_SECRET", "MAILCHIMP_CLIENT_SECRET", "MONGODB_URI", "TOKEN_KEYS"]
/** Bun reads these variables itself. */
const proxyVariables = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"]

/** Every secret in the environment, even an invalid one: whole values, keys, and the passwords in URLs. */
export function secretsOf(env: Readonly<Record<string, string | undefined>>): string[] {
  const names = [...new Set([...variables.map(({ name }) => name), ...secretVariables, ...proxyVariables])]
  const secrets = names.flatMap((name) => {
    const value = env[name]?.trim() ?? ""
    return [
      ...(secretVariables.includes(name) ? [value, ...keysIn(name, value)] : []),
      ...credentialsIn(value),
    ]
  })
  return [...new Set(secrets)].filter((secret) => secret !== "")
}

function keysIn(name: string, value: string): string[] {
  return name === "TOKEN_KEYS" ? splitList(value).map((item) => item.slice(item.indexOf(":") + 1)) : []
}

/**
 * The password before the host, or the user name if there is no password, because the user name is then a token; and
 * the secret parameters of the query. Parsed by hand, because a MongoDB URI may name several hosts and is then not a
 * valid URL.
 */
function credentialsIn(uri: string): string[] {
  const userInfo = /^(?:[a-z][a-z\d+.-]*:\/\/)?([^/?#\s]*)@/i.exec(uri)?.[1]
  const named = uri.matchAll(/(?:pass(?:word|wd)?|token|secret|signature|api_?key)[=:]([^&,#\s]+)/gi)
  const password = userInfo?.includes(":") ? userInfo.slice(userInfo.indexOf(":") + 1) : userInfo
  const raw = [password ?? "", ...[...named].map(([, value = ""]) => value)]
  return raw.flatMap((text) => [text, decoded(text)])
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** An address that means "all interfaces" is not an address that a browser can reach. */
function hostInUrl(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1"
  return host.includes(":") ? `[${host}]` : host
}

function isHost(value: string): boolean {
  return URL.canParse(`http://${hostInUrl(value)}:1`)
}

function splitList(value: string): string[] {
  return value
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")
}

function isHttpUrl(value: string): boolean {
  const parsed = URL.parse(value)
  return parsed !== null && (parsed.protocol === "http:" || parsed.protocol === "https:")
}
