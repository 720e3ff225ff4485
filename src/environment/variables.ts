import { z } from "zod"
import {
  apiUrl,
  baseUrl,
  host,
  jobFiles,
  maxRequests,
  origins,
  safeBaseUrl,
  text,
  tokenKeys,
  url,
  wholeNumber,
} from "./values.ts"

/** The path below PUBLIC_URL to which Mailchimp redirects the browser. */
export const callbackPath = "/v1/integrations/mailchimp/callback"

/** The path below PUBLIC_URL to which Mailchimp delivers, up to the secret. */
export const webhooksPath = "/v1/integrations/mailchimp/webhooks/"

const variable = <T extends z.ZodType>(schema: T, description: string, example = "") =>
  schema.meta({ description, example })

/** Every environment variable, in the order of .env.example. An empty value counts as missing. */
export const environment = z.object({
  NODE_ENV: variable(
    z
      .enum(["development", "test", "production"], "must be development, test or production")
      .default("development"),
    "development, test or production, which refuses to start without TOKEN_KEYS",
  ),
  ROLE: variable(
    z.enum(["all", "web", "worker"], "must be all, web or worker").default("all"),
    "What this process does: web answers requests, worker runs jobs, all does both. web and worker need MONGODB_URI and REDIS_URL",
  ),
  HOST: variable(host.default("127.0.0.1"), "The address to listen on; 0.0.0.0 for all"),
  PORT: variable(wholeNumber(1, 65_535).default(3000), "The port to listen on"),
  PUBLIC_URL: variable(
    baseUrl.optional(),
    "Where browsers reach this service, on the same site as your pages, and where Mailchimp delivers webhooks; for local work 127.0.0.1, because Mailchimp refuses localhost",
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
  METRICS_TOKEN: variable(
    text.min(16, "must have at least 16 characters").optional(),
    "The bearer token for /metrics. Without it /metrics is open, and with NODE_ENV=production a 404",
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: variable(
    baseUrl.optional(),
    "If set, the OpenTelemetry collector that gets a span for each export, page and job, by OTLP over HTTP",
    "http://127.0.0.1:4318",
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
  REDIS_URL: variable(
    text.regex(/^rediss?:\/\//, "must begin with redis:// or rediss://").optional(),
    "If set, all processes with this Redis or Valkey share each Mailchimp user's limits: MAILCHIMP_MAX_CONNECTIONS and MAILCHIMP_REQUESTS_PER_SECOND are their total",
    "redis://127.0.0.1:6379",
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
    apiUrl.default("https://{dc}.api.mailchimp.com/3.0"),
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
  DELIVERY_RETENTION_DAYS: variable(
    wholeNumber(1, 3650).default(30),
    "How long the deliveries of webhooks are kept: a list, a kind, a second and the MD5 of an address each",
  ),
  FOLLOW_INTERVAL_S: variable(
    wholeNumber(1, 86_400).default(60),
    "How often a list is read for changes while somebody follows it and no delivery comes, in seconds",
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
  MAX_FOLLOWERS: variable(
    wholeNumber(1, 100_000).default(2000),
    "Responses with follow=true that this process runs concurrently; until they have caught up they count as exports as well",
  ),
  JOB_FILES: variable(
    jobFiles.default(".data/jobs"),
    "Where jobs write their files, with personal data in clear: a folder that only this process may read, or s3://bucket/prefix",
  ),
  JOB_FILES_SHARED: variable(
    z
      .enum(["true", "false"], "must be true or false")
      .default("false")
      .transform((value) => value === "true"),
    "true if all processes with this MongoDB have the same folder JOB_FILES, e.g. on NFS: only then may it be a folder with MONGODB_URI and REDIS_URL",
  ),
  S3_ENDPOINT: variable(
    safeBaseUrl.optional(),
    "The object store of JOB_FILES=s3://…; by default Amazon S3 in S3_REGION",
    "https://s3.eu-central-1.amazonaws.com",
  ),
  S3_REGION: variable(text.default("us-east-1"), "The region of that store"),
  S3_ACCESS_KEY_ID: variable(
    text.optional(),
    "The access key for JOB_FILES=s3://…, which may get, put and delete objects, and list the bucket",
    "access-key-id",
  ),
  S3_SECRET_ACCESS_KEY: variable(text.optional(), "The secret of that access key"),
  JOB_PART_MB: variable(
    wholeNumber(1, 1024).default(16),
    "The size of a job's part, as stored; a part also ends after 30 s",
  ),
  JOB_CONCURRENCY: variable(wholeNumber(1, 1000).default(10), "How many jobs this process runs concurrently"),
  JOB_RETENTION_H: variable(
    wholeNumber(1, 8760).default(72),
    "How long the files of a job are kept after it has ended, in hours",
  ),
  LISTS_CACHE_S: variable(
    wholeNumber(0, 86_400).default(60),
    "How long the response of GET /lists is kept in memory for each connection; 0 to keep none",
  ),
  BUN_CONFIG_MAX_HTTP_REQUESTS: variable(
    maxRequests.optional(),
    "Concurrent requests to Mailchimp, all accounts together; without it Bun allows only 256, so slow accounts delay all others. It must be set before the process starts, and `run start` sets it",
    "65535",
  ),
})

/** Each variable with its description. */
export const variables = Object.entries(environment.shape).map(([name, schema]) => {
  const { description = "", example } = schema.meta() ?? {}
  return { name, schema, description, example: String(example) }
})
