const longestText = 300
const longestInput = 1000

/**
 * Makes a text of Mailchimp's fit to be shown and logged: e-mail addresses, the given secrets, and whatever looks
 * like a token or like the MD5 of an address are taken out, and it is cut to 300 characters.
 */
export function createMask(secrets: readonly string[]): (text: string) => string {
  const known = secrets.filter((secret) => secret !== "")
  return (text) => {
    // What is cut off may end in the middle of an address, so the last word goes too.
    const short = text.length > longestInput ? text.slice(0, longestInput).replace(/\S*$/, "") : text
    let masked = short
    for (const secret of known) masked = masked.replaceAll(secret, "[secret]")
    masked = masked
      .replaceAll(/[^\s"<>()[\],;@]+\s{1,3}(?:@|%40)\s{0,3}[^\s"<>()[\],;]+\.[a-z]{2,}/gi, "[address]")
      .replaceAll(/[^\s"<>()[\],;@]+(?:@|%40)\s{1,3}[^\s"<>()[\],;]+\.[a-z]{2,}/gi, "[address]")
      .replaceAll(/(?:"[^"]+"|[^\s"<>()[\],;]+)(?:@|%40)[^\s"<>()[\],;]+/gi, "[address]")
      .replaceAll(/(?<![\w-])[0-9a-f]{24,}(?:-[a-z]+\d+)?(?![\w-])/gi, "[secret]")
      // Control characters would break a line of a log.
      .replaceAll(/\p{Cc}+/gu, " ")
    return masked.length > longestText ? `${masked.slice(0, longestText - 1)}…` : masked
  }
}
