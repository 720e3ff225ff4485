import type { Format } from "./format.ts"

/** One member a line, each line ended by a newline. A space that keeps the connection alive stands behind a row. */
export function createNdjson(): Format {
  let hasRows = false
  return {
    start: () => new Uint8Array(),
    rows: (bytes) => {
      const start = hasRows ? 0 : 1
      hasRows ||= bytes.length > 0
      return new Uint8Array(bytes.subarray(start))
    },
    keepAlive: () => Buffer.from(hasRows ? " " : ""),
    end: () => Buffer.from(hasRows ? "\n" : ""),
  }
}
