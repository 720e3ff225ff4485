/**
 * The secrets that a text shows, plain or encoded for a URL, and the e-mail addresses in it. Empty if an operator may read
 * the text.
 */
export function leaksIn(text: string, secrets: Iterable<string>): readonly string[] {
  const shown = [...secrets].filter(
    (secret) => text.includes(secret) || text.includes(encodeURIComponent(secret)),
  )
  return [...shown, ...(text.match(/\S{0,40}[\w.](?:@|%40)\w\S{0,40}/g) ?? [])]
}
