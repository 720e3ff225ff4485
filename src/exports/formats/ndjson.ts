import type { Format } from "./format.ts"

export type Ndjson = Format & {
  /** A line that is not a member. It is ended at once, so that who reads line by line has it. */
  line(value: object): Uint8Array
}

/**
 * One member a line, each line ended by a newline. A space keeps the connection alive after a row, and an empty line before
 * the first: readers of NDJSON skip both.
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
