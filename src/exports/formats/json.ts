import { z } from "zod"
import type { Encoder, Format } from "./format.ts"

const START = '{"success":true,"message":"Success","data":['
const END = "]}\n"
const NEWLINE = 0x0a
const COMMA = 0x2c

/** The platform's envelope as one document. A truncated document is invalid JSON, so clients notice. */
export function createJson(): Encoder {
  let hasRows = false
  return {
    start: () => Buffer.from(START),
    rows: (bytes) => {
      // Rows contain no newlines, because JSON escapes them.
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

export const json = {
  name: "json",
  mediaType: "application/json",
  contentType: "application/json",
  otherMediaTypes: [],
  fileSuffix: ".json",
  schema: z.object({
    success: z.literal(true),
    message: z.literal("Success"),
    data: z.array(z.looseObject({})),
  }),
  parameters: [],
  hasEvents: false,
  hasParts: false,
  createEncoder: createJson,
} as const satisfies Format
