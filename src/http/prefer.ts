/** The seconds of `wait` in the header Prefer (RFC 7240, 4.3), `max` at most. 0 without it, and for what is malformed. */
export function parseWait(header: string | undefined, max: number): number {
  const seconds = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])/i.exec(header ?? "")?.[1]
  return Math.min(max, Number(seconds ?? 0))
}
