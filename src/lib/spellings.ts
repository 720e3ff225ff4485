/** A shorter secret may be a part of ordinary words: masking it would make texts unreadable. */
const shortest = 4
/** A shorter piece of base64 may occur in any other. */
const shortestBase64 = 6

/**
 * The forms in which a secret may occur in a text from outside: as it is, encoded for URLs and forms, escaped for JSON, and
 * in base64 of both alphabets, also in the middle of other text, as in `user:secret`. The longest first, because one may be
 * a part of another. None for a secret of fewer than four characters.
 */
export function spellingsOf(secret: string): readonly string[] {
  if (secret.trim().length < shortest) return []
  const well = secret.toWellFormed()
  const urls = [
    encodeURIComponent(well),
    encodeURI(well),
    new URLSearchParams({ "": well }).toString().slice(1),
  ]
  const all = [
    secret,
    ...urls,
    ...urls.map((text) => text.replaceAll(/%[\dA-F]{2}/g, (code) => code.toLowerCase())),
    ...jsonOf(secret),
    ...base64Of(secret),
    // A key may itself be base64, so it also has a spelling in the other alphabet.
    ...(isBase64(secret) ? alphabetsOf(secret.replace(/=+$/, "")) : []),
  ]
  return [...new Set(all)].toSorted((a, b) => b.length - a.length)
}

/** Mailchimp is written in PHP, whose JSON also escapes slashes and everything outside ASCII. */
function jsonOf(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1)
  const ascii = json.replaceAll(
    /[^\0-\x7f]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )
  return [json, ascii].flatMap((text) => [text, text.replaceAll("/", "\\/")])
}

/** A secret in base64 with any text before and after it: one form for each offset within a group of three bytes. */
function base64Of(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const whole = [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64")
    return encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6))
  })
  return [bytes.toString("base64"), ...whole]
    .filter((text) => text.length >= shortestBase64)
    .flatMap(alphabetsOf)
}

function alphabetsOf(base64: string): string[] {
  return [
    base64,
    base64.replaceAll("+", "-").replaceAll("/", "_"),
    base64.replaceAll("-", "+").replaceAll("_", "/"),
  ]
}

function isBase64(text: string): boolean {
  return /^[\w+/-]{22,}={0,2}$/.test(text)
}
