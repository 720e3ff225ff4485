import { parseAccept } from "hono/utils/accept"
import { AppError } from "../errors.ts"

/** The formats of an export, the default one first, with their media types. */
export const mediaTypes: Readonly<Record<Format, string>> = {
  ndjson: "application/x-ndjson",
  json: "application/json",
}

export type Format = "ndjson" | "json"

/**
 * The format of the response: the parameter `format`, else the most acceptable format (RFC 9110, 12.5.1), else NDJSON.
 *
 * A named media type beats one that only a wildcard matches, because a client can read what it names: axios and
 * Angular name JSON, then accept everything, and expect JSON. If `only` is given, NDJSON
 * wins whenever any range accepts it.
 *
 * @throws AppError `not_acceptable`
 */
export function chooseFormat(
  format: Format | undefined,
  accept: string | undefined,
  only?: "ndjson",
): Format {
  if (format !== undefined) return format
  const ranges = parseAccept(accept?.trim() || "*/*")
  const acceptable = formats
    .map((candidate) => ({ candidate, ...preferenceFor(candidate, ranges) }))
    .filter(({ quality }) => quality > 0)
    .toSorted((one, other) => Number(other.isNamed) - Number(one.isNamed) || other.quality - one.quality)
  const best = acceptable.find(({ candidate }) => candidate === only) ?? acceptable[0]
  if (best === undefined) {
    const available = Object.values(mediaTypes).join(", ")
    throw new AppError(
      "not_acceptable",
      `Cannot export in any of the accepted media types: accept one of ${available}`,
    )
  }
  return best.candidate
}

const formats: readonly Format[] = ["ndjson", "json"]

const namesOf: Readonly<Record<Format, readonly string[]>> = {
  ndjson: [mediaTypes.ndjson, "application/ndjson"],
  json: [mediaTypes.json],
}
const wildcards = ["application/*", "*/*"]

/** The quality that the most specific matching range gives to a format, and whether that range names the format. */
function preferenceFor(format: Format, ranges: readonly { type: string; q: number }[]) {
  const qualityOf = (types: readonly string[]) =>
    types
      .map((name) => ranges.find(({ type }) => type.toLowerCase() === name)?.q)
      .find((q) => q !== undefined)
  const named = qualityOf(namesOf[format])
  return { isNamed: named !== undefined, quality: named ?? qualityOf(wildcards) ?? 0 }
}
