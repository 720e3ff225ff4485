import { compactDecrypt, CompactEncrypt, decodeProtectedHeader } from "jose"
import { CannotOpen } from "./errors.ts"

/**
 * What a sealed text is for. Nothing sealed for one purpose, or for one owner, opens for another. A state needs no
 * owner: it says itself whose login it belongs to, and the browser's cookie proves it.
 */
export type SealBinding =
  { readonly purpose: "state" } | { readonly purpose: "token" | "cursor"; readonly owner: string }

export type Sealer = {
  /** Encrypts a JSON value to a text that is safe in a URL. */
  seal(value: unknown, binding: SealBinding): Promise<string>
  /** The value that was sealed for just this binding. Rejects with {@link CannotOpen} for anything else. */
  open(sealed: string, binding: SealBinding): Promise<unknown>
  /** Whether the text is sealed, with the key that seals now. False for plain texts and after a rotation. */
  isCurrent(sealed: string): boolean
}

export type SealerKey = { readonly id: string; readonly key: Uint8Array }

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true })

/**
 * Seals with the first key and opens with every key, by the key id in the header, so that keys rotate: put a new one
 * first, drop an old one when nothing is sealed with it any more. JWE compact, `dir` with A256GCM (RFC 7516, RFC 7518).
 *
 * @param keys 32 bytes each
 */
export function createSealer(keys: readonly [SealerKey, ...SealerKey[]]): Sealer {
  const [sealing] = keys
  const keyById = new Map(keys.map(({ id, key }) => [id, key]))

  return {
    seal: (value, binding) =>
      new CompactEncrypt(encoder.encode(JSON.stringify({ value, owner: ownerOf(binding) })))
        .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: sealing.id, typ: binding.purpose })
        .encrypt(sealing.key),

    open: async (sealed, binding) => {
      const header = headerOf(sealed)
      const key = header?.kid === undefined ? undefined : keyById.get(header.kid)
      if (header === undefined || key === undefined)
        throw new CannotOpen("Cannot open a text that was not sealed with a key of ours")
      if (header.typ !== binding.purpose)
        throw new CannotOpen("Cannot open a text that was sealed for another purpose")
      const { plaintext } = await compactDecrypt(sealed, key, {
        keyManagementAlgorithms: ["dir"],
        contentEncryptionAlgorithms: ["A256GCM"],
      }).catch((cause: unknown) => {
        throw new CannotOpen("Cannot open a text that was changed after it was sealed", { cause })
      })
      const content: unknown = JSON.parse(decoder.decode(plaintext))
      if (!isContent(content) || content.owner !== ownerOf(binding)) {
        throw new CannotOpen("Cannot open a text that was sealed for another owner")
      }
      return content.value
    },

    isCurrent: (sealed) => headerOf(sealed)?.kid === sealing.id,
  }
}

function ownerOf(binding: SealBinding): string {
  return binding.purpose === "state" ? "" : binding.owner
}

function isContent(value: unknown): value is { value: unknown; owner: string } {
  return typeof value === "object" && value !== null && "value" in value && "owner" in value
}

function headerOf(sealed: string) {
  try {
    return decodeProtectedHeader(sealed)
  } catch {
    return undefined
  }
}
