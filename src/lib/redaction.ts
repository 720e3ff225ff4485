import { spellingsOf } from "./spellings.ts"
import { type Clock, startTimer, systemClock } from "./time.ts"

/** Masks secrets and personal data in a text. */
export type Redact = (text: string) => string

/** Masks secrets and personal data in every text from outside: errors, Mailchimp's responses, log lines. */
export type Redaction = {
  readonly redact: Redact
  /** Makes a text from outside presentable: redacted, on one line, and truncated to 300 characters. */
  readonly redactShort: Redact
  /**
   * Masks this secret from now on, e.g. a token. The 256 most recently learned secrets are kept, each until it was not
   * learned again for about a minute: the token of a deleted connection must not stay in memory.
   */
  learn(secret: string): void
}

const longestText = 300
const longestInput = 1000
const maxLearned = 256
const keptMs = 45_000
const purgeEveryMs = 30_000

/** An @ as it is, encoded for URLs, JSON or HTML, and in full width. */
const at = String.raw`(?:@|%(?:25)?40|\\u0040|&#(?:64|x40);|&commat;|＠)`
const hasAt = new RegExp(at, "i")
const blanks = String.raw`(?:\s|%20|\+){1,3}`
// Lengths are bounded, because a pattern is tried at every character of a text that may have thousands.
const local = String.raw`[^\s"<>()[\],;:=@&＠]{1,128}`
const domain = String.raw`[^\s"'<>()[\],;:=@&/\\＠]{1,255}`
const domainWithDot = String.raw`${domain}\.(?:\p{L}{2,}|xn--[\w-]+)`

const addresses: readonly RegExp[] = [
  new RegExp(String.raw`"[^"\n]{1,128}"${at}${domain}`, "giu"),
  // If there are blanks around the @, a domain with a dot must follow: an @ also stands between ordinary words.
  new RegExp(String.raw`${local}(?:${blanks}${at}(?:${blanks})?|${at}${blanks})${domainWithDot}`, "giu"),
  // Neither the path of a package (node_modules/@scope/name) nor its version (name@1.2.3) is an address.
  new RegExp(String.raw`${local}(?<!/)${at}(?!\d+\.\d+\.)${domain}`, "giu"),
]

const names =
  "code|state|token|secret|key|password|signature|access_token|refresh_token|id_token|client_secret|api_?key"

const patterns: readonly (readonly [RegExp, string])[] = [
  [/:\/\/[^\s/@"'<>]{1,512}@/g, "://[credentials]@"],
  // A single ordinary word is not a token, as in "OAuth error".
  [/\b(Bearer|OAuth|Basic)(?: |%20|\+)+(?=\S*\d|\S{16})[^\s"',;<>]+/gi, "$1 [token]"],
  [/\beyJ[\w-]+\.[\w.-]*/g, "[token]"],
  [/(?<![\w-])[0-9a-f]{24,}(?:-[a-z]+\d+)?(?![\w-])/gi, "[hex]"],
  [new RegExp(String.raw`\b(${names})=[^\s&"]+`, "gi"), "$1=[value]"],
  [new RegExp(String.raw`"(${names})(\\?")\s*:\s*\\?"(?:[^"\\]|\\[^"])*\\?"`, "gi"), '"$1$2:"[value]"'],
]

/**
 * Masks the given secrets in all their spellings, and anything that looks like an e-mail address, a token, a secret or the
 * MD5 of an address.
 *
 * @param secrets the secrets that the process has for its whole life
 */
export function createRedaction(secrets: readonly string[] = [], clock: Clock = systemClock): Redaction {
  const lasting = byLength(secrets.flatMap(spellingsOf))
  const learned = new Map<string, { readonly spellings: readonly string[]; readonly atMs: number }>()
  let known = lasting
  let timer: Disposable | undefined

  const refresh = () => {
    known = byLength([...lasting, ...[...learned.values()].flatMap(({ spellings }) => spellings)])
  }

  const purge = () => {
    const oldestMs = clock.monotonicMs() - keptMs
    for (const [secret, { atMs }] of learned) if (atMs <= oldestMs) learned.delete(secret)
    refresh()
    timer = learned.size > 0 ? startTimer(purgeEveryMs, clock, purge) : undefined
  }

  const redact: Redact = (text) => {
    let masked = text
    for (const secret of known) masked = masked.replaceAll(secret, "[secret]")
    for (const [pattern, mask] of patterns) masked = masked.replace(pattern, mask)
    if (hasAt.test(masked)) for (const pattern of addresses) masked = masked.replace(pattern, "[address]")
    return masked
  }

  return {
    redact,
    redactShort: (text) => {
      // Truncating may split an address or a secret in two, so the last word is dropped, too.
      const short = text.length > longestInput ? text.slice(0, longestInput).replace(/\S*$/, "") : text
      // Control characters would break a log line.
      const masked = redact(short).replaceAll(/\p{Cc}+/gu, " ")
      return masked.length > longestText ? `${masked.slice(0, longestText - 1)}…` : masked
    },
    learn: (secret) => {
      const spellings = learned.get(secret)?.spellings
      learned.delete(secret)
      learned.set(secret, { spellings: spellings ?? spellingsOf(secret), atMs: clock.monotonicMs() })
      const [oldest] = learned.keys()
      if (learned.size > maxLearned && oldest !== undefined) learned.delete(oldest)
      if (spellings === undefined) refresh()
      timer ??= startTimer(purgeEveryMs, clock, purge)
    },
  }
}

/** The longest first, because one spelling may be a part of another. */
function byLength(spellings: readonly string[]): readonly string[] {
  return [...new Set(spellings)].toSorted((a, b) => b.length - a.length)
}
