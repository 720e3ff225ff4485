import { afterAll, expect, test } from "bun:test"
import { statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { readKeyFile } from "../../src/storage/key-file.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"

const folder = temporaryFolder()
afterAll(folder.remove)

test("readKeyFile() creates a key once, readable by its owner only", () => {
  const path = join(folder.path, "new", "export.key")
  const first = readKeyFile(path)
  expect(first.key).toHaveLength(32)
  expect(readKeyFile(path).key).toEqual(first.key)
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test("processes that create the key at the same time end up with the same key", async () => {
  const path = join(folder.path, "shared.key")
  const module = join(import.meta.dir, "../../src/storage/key-file.ts")
  const script = `import { readKeyFile } from ${JSON.stringify(module)}; console.log(readKeyFile(${JSON.stringify(path)}).key.toHex())`
  const keys = await Promise.all(
    Array.from({ length: 6 }, () => new Response(Bun.spawn([process.execPath, "-e", script]).stdout).text()),
  )
  expect(new Set(keys).size).toBe(1)
  expect(keys[0]?.trim()).toHaveLength(64)
})

test("readKeyFile() refuses a file without a key and names its path", () => {
  const path = join(folder.path, "bad.key")
  writeFileSync(path, "not a key")
  expect(() => readKeyFile(path)).toThrow(path)
})
