import type { z } from "zod"
import { secretsOf } from "./environment/secrets.ts"
import { hostInUrl, isBucketUrl } from "./environment/values.ts"
import { callbackPath, environment, variables, webhooksPath } from "./environment/variables.ts"

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
  if (lacksSharedServers(set)) problems.set("ROLE", "is not all, so MONGODB_URI and REDIS_URL must be set")
  for (const name of missingForBucket(set)) problems.set(name, "is missing, and JOB_FILES is in S3")

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

/** Whether the role divides the work among processes, which takes a database and a queue that they share. */
function lacksSharedServers(set: Readonly<Record<string, unknown>>): boolean {
  const { ROLE: role = "all" } = set
  return (role === "web" || role === "worker") && !("MONGODB_URI" in set && "REDIS_URL" in set)
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
  return `# Generated from src/environment/variables.ts by \`bun run env-example\`\n\n${blocks.join("\n")}`
}

function toConfig(env: z.infer<typeof environment>, secrets: readonly string[]) {
  const publicUrl = env.PUBLIC_URL ?? `http://${hostInUrl(env.HOST)}:${env.PORT}`
  return {
    role: env.ROLE,
    host: env.HOST,
    port: env.PORT,
    publicUrl,
    webhookAddress: publicUrl + webhooksPath,
    shutdownTimeoutMs: env.SHUTDOWN_TIMEOUT_MS,
    logLevel: env.LOG_LEVEL,
    /** Undefined if there are no metrics. Without a token anyone can read them. */
    metrics:
      env.NODE_ENV === "production" && env.METRICS_TOKEN === undefined
        ? undefined
        : { token: env.METRICS_TOKEN },
    tracesEndpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT,
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
    redisUrl: env.REDIS_URL,
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
    deliveryRetentionS: env.DELIVERY_RETENTION_DAYS * 86_400,
    followIntervalS: env.FOLLOW_INTERVAL_S,
    exportStallTimeoutMs: env.EXPORT_STALL_TIMEOUT_MS,
    maxExports: env.MAX_EXPORTS,
    maxExportsPerCaller: env.MAX_EXPORTS_PER_CALLER,
    maxFollowers: env.MAX_FOLLOWERS,
    jobs: {
      files: toJobFiles(env),
      isFolderShared: env.JOB_FILES_SHARED,
      partBytes: env.JOB_PART_MB * 1024 * 1024,
      concurrency: env.JOB_CONCURRENCY,
      retentionMs: env.JOB_RETENTION_H * 3_600_000,
    },
    listsCacheS: env.LISTS_CACHE_S,
    maxHttpRequests: env.BUN_CONFIG_MAX_HTTP_REQUESTS,
  }
}

function missingForBucket(set: Readonly<Record<string, string | undefined>>): readonly string[] {
  if (!set["JOB_FILES"]?.trim().startsWith("s3://")) return []
  return ["S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"].filter((name) => !(name in set))
}

/** Where jobs write their files. */
function toJobFiles(env: z.infer<typeof environment>) {
  if (!isBucketUrl(env.JOB_FILES)) return { folder: env.JOB_FILES }
  const { host: bucket, pathname } = new URL(env.JOB_FILES)
  const prefix = pathname.replace(/^\/|\/$/g, "")
  return {
    bucket,
    /** Of all keys: empty, or with a slash at its end. */
    prefix: prefix === "" ? "" : `${prefix}/`,
    region: env.S3_REGION,
    endpoint: env.S3_ENDPOINT ?? `https://s3.${env.S3_REGION}.amazonaws.com`,
    accessKeyId: env.S3_ACCESS_KEY_ID ?? "",
    secretAccessKey: env.S3_SECRET_ACCESS_KEY ?? "",
  }
}
