import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import type { SealerKey } from "../sealer.ts"

/**
 * The key that seals tokens where no key is configured: read from a file, which is made once, readable by its owner
 * alone. Two processes that make it at the same time agree on one.
 *
 * @throws Error where the file is there but does not hold a key
 */
export function readKeyFile(path: string): SealerKey {
  const stored = read(path) ?? make(path)
  const key = Uint8Array.from(Buffer.from(stored, "base64"))
  if (key.length !== 32)
    throw new Error(`Cannot use the key file as it does not hold 32 bytes in base64: ${path}`)
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
    // A link appears whole or not at all, and never takes the place of another.
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
