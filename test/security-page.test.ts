import { expect, test } from "bun:test"

test("docs/security.md names only existing tests", async () => {
  const page = await Bun.file(new URL("../docs/security.md", import.meta.url)).text()
  const named = [...new Set(page.match(/[\w/-]+\.test\.ts/g))]
  expect(named.length).toBeGreaterThan(10)
  for (const path of named) expect(await Bun.file(new URL(path, import.meta.url)).exists(), path).toBe(true)
  // A quote is the beginning, or a part, of a test's title.
  for (const [, path = "", quoted = ""] of page.matchAll(/`([\w/-]+\.test\.ts)`: ((?:"[^"]+"(?:, )?)+)/g)) {
    const text = await Bun.file(new URL(path, import.meta.url)).text()
    for (const [, name = ""] of quoted.matchAll(/"([^"]+)"/g))
      for (const part of name.split("…").map((part) => part.trim()))
        expect(text.includes(part), `${path}: ${part}`).toBe(true)
  }
})
