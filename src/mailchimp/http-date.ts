/** Milliseconds since the epoch of an HTTP date (RFC 9110, 5.6.7). Undefined for anything else that looks like a date. */
export function parseHttpDate(text: string | null): number | undefined {
  if (text === null || !/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun).*GMT$/.test(text)) return undefined
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}
