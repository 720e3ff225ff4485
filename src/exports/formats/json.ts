import type { Format } from "./format.ts"

const START = '{"success":true,"message":"Success","data":['
const END = "]}\n"
const NEWLINE = 0x0a
const COMMA = 0x2c

/** The envelope that the platform's users know, as one document. Without its end it is no JSON, so a cut one is seen. */
export function createJson(): Format {
  let hasRows = false
  return {
    start: () => Buffer.from(START),
    rows: (bytes) => {
      // Rows hold no newline of their own: JSON has to escape it.
      for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at)) bytes[at] = COMMA
      const start = hasRows ? 0 : 1
      hasRows ||= bytes.length > 0
      return bytes.subarray(start)
    },
    keepAlive: () => Buffer.from(" "),
    broken: () => new Uint8Array(),
    end: () => Buffer.from(END),
  }
}
