import type { Format } from "./format.ts"

const NOTHING = Buffer.alloc(0)
const NEWLINE = Buffer.from("\n")
const SPACE = Buffer.from(" ")

/** One member a line, each line ended by a newline. A space that keeps the connection alive stands behind a row. */
export function createNdjson(): Format {
  let hasRows = false
  return {
    start: () => NOTHING,
    rows: (bytes) => {
      const start = hasRows ? 0 : 1
      hasRows ||= bytes.length > 0
      return new Uint8Array(bytes.subarray(start))
    },
    keepAlive: () => (hasRows ? SPACE : NOTHING),
    end: () => (hasRows ? NEWLINE : NOTHING),
  }
}
