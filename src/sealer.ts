import { createHash } from "node:crypto"
import { compactDecrypt, CompactEncrypt, decodeProtectedHeader } from "jose"
import { CannotOpen, SealedForAnother } from "./errors.ts"

/**
 * What a sealed text is for. A text sealed for one purpose or owner opens for no other. A state needs no owner, because
 * it says itself whose login it belongs to, and the browser's cookie proves that.
 */
export type SealBinding =
  | { readonly purpose: "state" }
  | { readonly purpose: "token" | "cursor" | "signing_secret"; readonly owner: string }

export type Sealer = {
  /** Encrypts a JSON value, or raw bytes, to a URL-safe text. */
  seal(value: unknown, binding: SealBinding): Promise<string>
  /** The value or bytes that were sealed for exactly this binding. Rejects with {@link CannotOpen} for anything else. */
  open(sealed: string, binding: SealBinding): Promise<unknown>
  /** Whether a text looks sealed, with any key, intact or damaged. False for a token as Mailchimp issues it. */
  isSealed(text: string): boolean
  /** The id of the key with which a text says it was sealed, whether that key is configured or not. */
  keyIdOf(text: string): string | undefined
  /** The id of the key that seals. */
  readonly sealingKeyId: string
}

export type SealerKey = { readonly id: string; readonly key: Uint8Array }

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true })

/**
 * The first byte of a plaintext that holds bytes; JSON begins with a brace. A digest of the owner follows, then the
 * bytes.
 */
const BYTES_MARK = 1
const DIGEST_LENGTH = 12

/**
 * Seals with the first key and opens with every key, by the key id in the header, so that keys can rotate: put a new
 * key first, and drop an old key when nothing is sealed with it any more. JWE compact, `dir` with A256GCM (RFC 7516,
 * RFC 7518).
 *
 * @param keys 32 bytes each, no id twice
 * @throws Error for invalid keys, because no key could open what they seal
 */
export function createSealer(keys: readonly [SealerKey, ...SealerKey[]]): Sealer {
  const [sealing] = keys
  const keyById = new Map(keys.map(({ id, key }) => [id, key]))
  if (keyById.size < keys.length) throw new Error("Cannot seal with two keys that have the same id")
  for (const { id, key } of keys) {
    if (key.length !== 32) throw new Error(`Cannot seal with a key that is not 32 bytes long: ${id}`)
  }

  return {
    seal: (value, binding) =>
      new CompactEncrypt(toPlaintext(value, ownerOf(binding)))
        .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: sealing.id, typ: binding.purpose })
        .encrypt(sealing.key),

    open: async (sealed, binding) => {
      const header = headerOf(sealed)
      if (header?.kid === undefined) throw new CannotOpen("Cannot open a text that was not sealed")
      const key = keyById.get(header.kid)
      if (key === undefined) {
        throw new CannotOpen(
          `Cannot open a text that was sealed with a key that is not configured: ${header.kid}`,
        )
      }
      if (header.typ !== binding.purpose)
        throw new CannotOpen("Cannot open a text that was sealed for another purpose")
      const { plaintext } = await compactDecrypt(sealed, key, {
        keyManagementAlgorithms: ["dir"],
        contentEncryptionAlgorithms: ["A256GCM"],
      }).catch((cause: unknown) => {
        throw new CannotOpen("Cannot open a text that was changed after it was sealed", { cause })
      })
      const content = parseContent(plaintext, ownerOf(binding))
      if (!content) throw new SealedForAnother("Cannot open a text that was sealed for another owner")
      return content.value
    },

    // Every JWE begins with its header, a JSON object: `{"` in base64url.
    isSealed: (text) => text.startsWith("eyJ"),
    keyIdOf: (text) => headerOf(text)?.kid,
    sealingKeyId: sealing.id,
  }
}

function ownerOf(binding: SealBinding): string {
  return binding.purpose === "state" ? "" : binding.owner
}

function toPlaintext(value: unknown, owner: string): Uint8Array {
  if (!(value instanceof Uint8Array)) return encoder.encode(JSON.stringify({ value, owner }))
  return Buffer.concat([Uint8Array.of(BYTES_MARK), digestOf(owner), value])
}

function digestOf(owner: string): Buffer {
  return createHash("sha256").update(owner).digest().subarray(0, DIGEST_LENGTH)
}

/**
 * Undefined if the text is of another owner or was not written by seal(), because another program may use the same
 * key.
 */
function parseContent(plaintext: Uint8Array, owner: string): { value: unknown } | undefined {
  if (plaintext[0] === BYTES_MARK) {
    const value = plaintext.subarray(1 + DIGEST_LENGTH)
    return digestOf(owner).equals(plaintext.subarray(1, 1 + DIGEST_LENGTH)) ? { value } : undefined
  }
  try {
    const content: unknown = JSON.parse(decoder.decode(plaintext))
    const isOurs = typeof content === "object" && content !== null && "value" in content && "owner" in content
    return isOurs && content.owner === owner ? content : undefined
  } catch {
    return undefined
  }
}

function headerOf(sealed: string) {
  try {
    return decodeProtectedHeader(sealed)
  } catch {
    return undefined
  }
}
