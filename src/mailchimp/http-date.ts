/** An HTTP date (RFC 9110, 5.6.7) in milliseconds since the epoch. Undefined for any other text, also another form of date. */
export function parseHttpDate(text: string | null): number | undefined {
  if (text === null || !/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun).*GMT$/.test(text)) return undefined
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}
