import { createRedaction, type Redact } from "../lib/redaction.ts"
import { pino, type DestinationStream, type Logger as PinoLogger } from "pino"

export type Logger = Pick<PinoLogger, "debug" | "info" | "warn" | "error">

/**
 * Writes a JSON line for each event. Our code never logs secrets or personal data; if an error of a library contains some,
 * they are masked here.
 */
export function createLogger(
  level: string,
  destination?: DestinationStream,
  redact: Redact = createRedaction().redact,
): Logger {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }), log: toFields },
    serializers: { error: (error: unknown) => toLoggableError(error, redact) },
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}

/** Converts names to snake case, as on the wire, such as `list_id`, and rounds milliseconds. */
function toFields(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      name.endsWith("Ms") && typeof value === "number" ? Math.round(value) : value,
    ]),
  )
}

/** An error with all its causes, for a log line. Only fields that are known to be harmless are included. */
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
