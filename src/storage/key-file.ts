import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import type { SealerKey } from "../sealer.ts"

/**
 * The key that seals tokens if no key is configured. The key is read from a file, which is created once and readable by
 * its owner only. Two processes that create the file at the same time end up with the same key.
 *
 * @throws Error if the file exists but does not contain a key
 */
export function readKeyFile(path: string): SealerKey {
  const stored = read(path) ?? make(path)
  const key = Uint8Array.from(Buffer.from(stored, "base64"))
  if (key.length !== 32)
    throw new Error(`Cannot use the key file because it does not contain 32 bytes in base64: ${path}`)
  return { id: "file", key }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8")
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined
    throw error
  }
}

function make(path: string): string {
  mkdirSync(dirname(path), { recursive: true })
  const draft = `${path}.${crypto.randomUUID()}`
  writeFileSync(draft, crypto.getRandomValues(new Uint8Array(32)).toBase64(), { mode: 0o600, flag: "wx" })
  try {
    // A link appears atomically and never overwrites an existing file.
    linkSync(draft, path)
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error
  } finally {
    unlinkSync(draft)
  }
  return readFileSync(path, "utf8")
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code
}
