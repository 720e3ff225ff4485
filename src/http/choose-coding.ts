import { parseAccept } from "hono/utils/accept"
import { AppError } from "../errors.ts"
import type { Coding } from "../lib/compress.ts"

/** In the order in which they are preferred. A client that names no coding at all accepts identity alone. */
const codings = ["zstd", "gzip", "identity"] as const

/**
 * The content coding of the response, from the header Accept-Encoding (RFC 9110, 12.5.3). Undefined for no coding. A wildcard
 * stands for gzip and identity, because a client that does not name zstd may be unable to read it.
 *
 * @throws {AppError} `not_acceptable` if identity is refused and no other coding is accepted
 */
export function chooseCoding(acceptEncoding: string | undefined): Coding | undefined {
  const ranges = parseAccept(acceptEncoding?.trim() ?? "")
  const named = (...names: string[]) => ranges.find(({ type }) => names.includes(type.toLowerCase()))?.q
  const wildcard = named("*")
  const qualities = {
    zstd: named("zstd") ?? 0,
    gzip: named("gzip", "x-gzip") ?? wildcard ?? 0,
    identity: named("identity") ?? wildcard ?? Number.MIN_VALUE,
  }
  const [best = "identity"] = codings.toSorted((one, other) => qualities[other] - qualities[one])
  if (qualities[best] === 0) {
    throw new AppError(
      "not_acceptable",
      `Cannot export in any of the accepted encodings: accept one of ${codings.join(", ")}`,
    )
  }
  return best === "identity" ? undefined : best
}
