import { pino, type DestinationStream, type Logger as PinoLogger } from "pino"

export type Logger = Pick<PinoLogger, "debug" | "info" | "warn" | "error">

/**
 * Writes a JSON line for each event. Nothing secret or personal is ever given to it; should it slip in by an error that
 * somebody else's code made, it is masked here.
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }), log: toFields },
    serializers: { error: toLoggableError },
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

const secrets: readonly (readonly [RegExp, string])[] = [
  [/[^\s"'<>@=,;:()]+(?:@|%40)[^\s"'<>@=,;:()]+\.[a-z]{2,}/gi, "[address]"],
  [/\b(Bearer|OAuth) +\S+/gi, "$1 [token]"],
  [/\beyJ[\w-]+\.[\w.-]*/g, "[token]"],
  [/\b[0-9a-f]{32,}(?:-[a-z]+\d+)?\b/gi, "[hex]"],
  [/\b(code|state|token|secret|key|access_token|client_secret)=[^\s&"]+/gi, "$1=[value]"],
]

/** Masks what looks like an e-mail address, a token or a secret. */
export function maskSecrets(text: string): string {
  return secrets.reduce((masked, [pattern, mask]) => masked.replace(pattern, mask), text)
}

/** An error with all its causes, for a log line. Only fields that are known to be harmless are taken over. */
function toLoggableError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return maskSecrets(String(error))
  return {
    name: error.name,
    message: maskSecrets(error.message),
    ...("code" in error ? { code: error.code } : {}),
    ...("kind" in error ? { kind: error.kind } : {}),
    ...("upstream" in error && error.upstream !== undefined
      ? { upstream: maskSecrets(JSON.stringify(error.upstream)) }
      : {}),
    stack: maskSecrets(error.stack ?? ""),
    ...(error.cause !== undefined && depth < 4 ? { cause: toLoggableError(error.cause, depth + 1) } : {}),
  }
}
