import { parseAccept } from "hono/utils/accept"
import { AppError } from "../errors.ts"
import type { Format } from "../exports/formats/format.ts"
import { type FormatName, formats } from "../exports/formats/formats.ts"

/**
 * The format of the response: the parameter `format`, else the most acceptable format (RFC 9110, 12.5.1), else the
 * default.
 *
 * A named media type beats one that only a wildcard matches, because a client can read what it names: axios and
 * Angular name JSON, then accept everything, and expect JSON. If `needsEvents`, a format with event lines wins whenever
 * any range accepts it.
 *
 * @throws AppError `not_acceptable`
 */
export function chooseFormat(
  name: FormatName | undefined,
  accept: string | undefined,
  needsEvents = false,
): Format {
  const chosen = formats.find((format) => format.name === name)
  if (chosen !== undefined) return chosen
  const ranges = parseAccept(accept?.trim() || "*/*")
  const acceptable = formats
    .map((format) => ({ format, ...preferenceFor(format, ranges) }))
    .filter(({ quality }) => quality > 0)
    .toSorted((one, other) => Number(other.isNamed) - Number(one.isNamed) || other.quality - one.quality)
  const best = acceptable.find(({ format }) => needsEvents && format.hasEvents) ?? acceptable[0]
  if (best === undefined) {
    const available = formats.map(({ mediaType }) => mediaType).join(", ")
    throw new AppError(
      "not_acceptable",
      `Cannot export in any of the accepted media types: accept one of ${available}`,
    )
  }
  return best.format
}

/** The quality that the most specific matching range gives to a format, and whether that range names the format. */
function preferenceFor(
  { mediaType, otherMediaTypes }: Format,
  ranges: readonly { type: string; q: number }[],
) {
  const qualityOf = (types: readonly string[]) =>
    types
      .map((name) => ranges.find(({ type }) => type.toLowerCase() === name)?.q)
      .find((q) => q !== undefined)
  const named = qualityOf([mediaType, ...otherMediaTypes])
  const wildcards = [mediaType.replace(/\/.*/, "/*"), "*/*"]
  return { isNamed: named !== undefined, quality: named ?? qualityOf(wildcards) ?? 0 }
}
