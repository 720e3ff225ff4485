/** Bytes from `start` to before `end`. */
export type ByteRange = { readonly start: number; readonly end: number }

/**
 * The one range of the header Range (RFC 9110, 14.1.2). Undefined for the whole: without the header, and for several ranges
 * or another unit, which a server may ignore. `unsatisfiable` if it begins after the last byte.
 */
export function parseRange(
  header: string | undefined,
  size: number,
): ByteRange | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? "") ?? []
  if (first === "" && last === "") return undefined
  if (first === "") {
    const start = Math.max(0, size - Number(last))
    return start < size ? { start, end: size } : "unsatisfiable"
  }
  const start = Number(first)
  if (last !== "" && Number(last) < start) return undefined
  if (start >= size) return "unsatisfiable"
  return { start, end: last === "" ? size : Math.min(size, Number(last) + 1) }
}
