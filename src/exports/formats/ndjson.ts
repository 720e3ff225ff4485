import type { Format } from "./format.ts"

export type Ndjson = Format & {
  /** A line that is not a member. It ends with a newline at once, so that a client that reads line by line receives it. */
  line(value: object): Uint8Array
}

/**
 * One member per line, each ended by a newline. A space after a row, or an empty line before the first, keeps the
 * connection alive: NDJSON parsers skip both.
 */
export function createNdjson(): Ndjson {
  let isLineOpen = false
  return {
    start: () => new Uint8Array(),
    rows: (bytes) => {
      const start = isLineOpen ? 0 : 1
      isLineOpen ||= bytes.length > 0
      return bytes.subarray(start)
    },
    line: (value) => {
      const before = isLineOpen ? "\n" : ""
      isLineOpen = false
      return Buffer.from(`${before}${JSON.stringify(value)}\n`)
    },
    keepAlive: () => Buffer.from(isLineOpen ? " " : "\n"),
    broken: () => Buffer.from(isLineOpen ? "\n" : ""),
    end: () => Buffer.from(isLineOpen ? "\n" : ""),
  }
}
