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
      const listed = Buffer.from(bytes)
      // Rows hold no newline of their own: JSON has to escape it.
      for (let at = listed.indexOf(NEWLINE); at !== -1; at = listed.indexOf(NEWLINE, at)) listed[at] = COMMA
      if (hasRows || listed.length === 0) return listed
      hasRows = true
      return listed.subarray(1)
    },
    keepAlive: () => Buffer.from(" "),
    end: () => Buffer.from(END),
  }
}
