import { z } from "zod"
import type { EventEncoder, Format } from "./format.ts"

/**
 * One member per line, each ended by a newline. A space after a row, or an empty line before the first, keeps the
 * connection alive: NDJSON parsers skip both.
 */
export function createNdjson(): EventEncoder {
  let isLineOpen = false
  const endRow = () => {
    const end = isLineOpen ? "\n" : ""
    isLineOpen = false
    return Buffer.from(end)
  }
  return {
    start: () => new Uint8Array(),
    rows: (bytes) => {
      const start = isLineOpen ? 0 : 1
      isLineOpen ||= bytes.length > 0
      return bytes.subarray(start)
    },
    endRow,
    line: (event) => Buffer.from(`${endRow()}${JSON.stringify(event)}\n`),
    keepAlive: () => Buffer.from(isLineOpen ? " " : "\n"),
    broken: () => Buffer.from(isLineOpen ? "\n" : ""),
    end: () => Buffer.from(isLineOpen ? "\n" : ""),
  }
}

export const ndjson = {
  name: "ndjson",
  mediaType: "application/x-ndjson",
  contentType: "application/x-ndjson",
  otherMediaTypes: ["application/ndjson"],
  fileSuffix: ".ndjson",
  schema: z.string().meta({
    description:
      "One member per line, as Mailchimp sent it, with its list_id. With events=true, the lines that have a key `$export` are event lines: #/components/schemas/ExportEvent",
  }),
  parameters: [],
  hasEvents: true,
  hasParts: true,
  createEncoder: createNdjson,
} as const satisfies Format
