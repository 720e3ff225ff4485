import { pino, type DestinationStream, type Logger as PinoLogger } from "pino"

export type Logger = Pick<PinoLogger, "debug" | "info" | "warn" | "error">

/**
 * Writes a JSON line for each event. Nothing secret or personal is ever given to it; should it slip in by an error that
 * somebody else's code made, it is masked here.
 */
export function createLogger(
  level: string,
  destination?: DestinationStream,
  secrets: readonly string[] = [],
): Logger {
  const redact = createRedaction(secrets)
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }), log: toFields },
    serializers: { error: (error: unknown) => toLoggableError(error, redact) },
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}

/** Names as they are on the wire, such as `list_id`; milliseconds without fractions. */
function toFields(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      name.endsWith("Ms") && typeof value === "number" ? Math.round(value) : value,
    ]),
  )
}

type Redact = (text: string) => string

// Lengths are bounded, because a pattern is tried at every letter of a text that may have thousands.
const patterns: readonly (readonly [RegExp, string])[] = [
  [/[^\s"'<>@=,;:()]{1,128}\s{0,3}(?:@|%40)\s{0,3}[^\s"'<>@=,;:()]{1,255}\.[a-z]{2,}/gi, "[address]"],
  [/\b(Bearer|OAuth) +\S+/gi, "$1 [token]"],
  [/\beyJ[\w-]+\.[\w.-]*/g, "[token]"],
  [/\b[0-9a-f]{32,}(?:-[a-z]+\d+)?\b/gi, "[hex]"],
  [/\b(code|state|token|secret|key|access_token|client_secret)=[^\s&"]+/gi, "$1=[value]"],
]

/** Masks the given secrets, as they are and as a URL spells them, and what looks like an address, a token or a secret. */
export function createRedaction(secrets: readonly string[]): Redact {
  // The longest first, as one may be a part of another.
  const known = [...new Set(secrets.flatMap((secret) => [secret, encodeURIComponent(secret)]))]
    .filter((secret) => secret !== "")
    .toSorted((a, b) => b.length - a.length)
  return (text) => {
    const masked = known.reduce((masked, secret) => masked.replaceAll(secret, "[secret]"), text)
    return patterns.reduce((masked, [pattern, mask]) => masked.replace(pattern, mask), masked)
  }
}

/** An error with all its causes, for a log line. Only fields that are known to be harmless are taken over. */
function toLoggableError(error: unknown, redact: Redact, depth = 0): unknown {
  if (!(error instanceof Error)) return redact(String(error))
  return {
    name: error.name,
    message: redact(error.message),
    ...("code" in error ? { code: error.code } : {}),
    ...("kind" in error ? { kind: error.kind } : {}),
    ...("upstream" in error && error.upstream !== undefined
      ? { upstream: redact(JSON.stringify(error.upstream)) }
      : {}),
    stack: redact(error.stack ?? ""),
    ...(error.cause !== undefined && depth < 4
      ? { cause: toLoggableError(error.cause, redact, depth + 1) }
      : {}),
  }
}
