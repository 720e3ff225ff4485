import { parseAccept } from "hono/utils/accept"
import { AppError } from "../errors.ts"

/** The formats of an export, the default one first, with their media types. */
export const mediaTypes: Readonly<Record<Format, string>> = {
  ndjson: "application/x-ndjson",
  json: "application/json",
}

export type Format = "ndjson" | "json"

/**
 * The format of the answer: what `format` says, else the most acceptable one (RFC 9110, 12.5.1), else NDJSON.
 *
 * @throws AppError `not_acceptable`
 */
export function chooseFormat(format: Format | undefined, accept: string | undefined): Format {
  if (format !== undefined) return format
  const ranges = parseAccept(accept?.trim() || "*/*")
  const candidates = formats
    .map((candidate) => ({ candidate, quality: qualityOf(mediaTypes[candidate], ranges) }))
    .toSorted((one, other) => other.quality - one.quality)
  const [best] = candidates
  if (best === undefined || best.quality === 0) {
    const available = Object.values(mediaTypes).join(", ")
    throw new AppError(
      "not_acceptable",
      `Cannot export in any of the accepted media types: these can be had: ${available}`,
    )
  }
  return best.candidate
}

const formats: readonly Format[] = ["ndjson", "json"]

/** The quality that the most specific matching range gives to a media type; 0 where none matches. */
function qualityOf(mediaType: string, ranges: readonly { type: string; q: number }[]): number {
  const names = [
    mediaType,
    ...(mediaType === mediaTypes.ndjson ? ["application/ndjson"] : []),
    "application/*",
    "*/*",
  ]
  for (const name of names) {
    const range = ranges.find(({ type }) => type.toLowerCase() === name)
    if (range !== undefined) return range.q
  }
  return 0
}
