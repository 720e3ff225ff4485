import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { base64url, CompactEncrypt, EncryptJWT, SignJWT } from "jose"
import { CannotOpen, SealedForAnother } from "../src/errors.ts"
import { createSealer, type SealBinding, type SealerKey } from "../src/sealer.ts"

const oldKey: SealerKey = { id: "2025", key: new Uint8Array(32).fill(1) }
const newKey: SealerKey = { id: "2026", key: new Uint8Array(32).fill(2) }
const sealer = createSealer([oldKey])
const token: SealBinding = { purpose: "token", owner: "an owner" }

const bindings: SealBinding[] = [
  { purpose: "state" },
  { purpose: "token", owner: "an owner" },
  { purpose: "token", owner: "another" },
  { purpose: "token", owner: "" },
  { purpose: "cursor", owner: "an owner" },
  { purpose: "cursor", owner: "another" },
]

function refused(sealed: string, binding: SealBinding = token, opener = sealer) {
  return expect(opener.open(sealed, binding)).rejects.toBeInstanceOf(CannotOpen)
}

/** A JWE as an attacker or a bug might write it: any header, any content. */
function forge(
  header: { alg: string; enc: string } & Record<string, unknown>,
  key: Uint8Array,
  content?: unknown,
) {
  const plaintext = new TextEncoder().encode(
    JSON.stringify(content ?? { value: "forged", owner: "an owner" }),
  )
  return new CompactEncrypt(plaintext).setProtectedHeader(header).encrypt(key)
}

const header = { alg: "dir", enc: "A256GCM", kid: oldKey.id, typ: "token" }

test("open() returns any JSON value that seal() was given, for any owner", async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), fc.string({ unit: "binary" }), async (value, owner) => {
      const binding: SealBinding = { purpose: "cursor", owner }
      const expected: unknown = JSON.parse(JSON.stringify(value))
      expect(await sealer.open(await sealer.seal(value, binding), binding)).toEqual(expected)
    }),
  )
})

test("open() returns bytes unchanged, only to their own owner, in a text of 4 characters for 3 bytes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      const cursor: SealBinding = { purpose: "cursor", owner: "an owner" }
      const sealed = await sealer.seal(bytes, cursor)
      const opened = await sealer.open(sealed, cursor)
      if (!(opened instanceof Uint8Array)) throw new Error("It is not bytes")
      expect(opened.toHex()).toBe(bytes.toHex())
      expect(sealed.length).toBeLessThan(160 + (bytes.length * 4) / 3)
      for (const owner of ["another", ""]) {
        await expect(sealer.open(sealed, { purpose: "cursor", owner })).rejects.toBeInstanceOf(
          SealedForAnother,
        )
      }
    }),
  )
})

test("a sealed text is safe in a URL, reveals nothing of its value or owner, and never repeats", async () => {
  const sealed = await sealer.seal("a secret", token)
  expect(sealed).toMatch(/^[\w-]+\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+$/)
  const parts = sealed.split(".").map((part) => Buffer.from(part, "base64url").toString("latin1"))
  expect(parts.join()).not.toContain("a secret")
  expect(parts.join()).not.toContain("an owner")
  expect(await sealer.seal("a secret", token)).not.toBe(sealed)
})

test("what is sealed for one purpose and owner opens for no other", async () => {
  for (const sealedFor of bindings) {
    const sealed = await sealer.seal("a value", sealedFor)
    for (const openedFor of bindings) {
      if (openedFor === sealedFor) expect(await sealer.open(sealed, openedFor)).toBe("a value")
      else await refused(sealed, openedFor)
    }
  }
})

test("a sealed text with any one bit changed, or truncated anywhere, does not open", async () => {
  const sealed = await sealer.seal("a value", token)
  const parts = sealed.split(".").map((part) => Buffer.from(part, "base64url"))
  for (const [index, part] of parts.entries()) {
    for (let bit = 0; bit < part.length * 8; bit += 1) {
      const changed = Buffer.from(part)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      const text = parts.with(index, changed).map((bytes) => bytes.toString("base64url"))
      await refused(text.join("."))
    }
  }
  for (let length = 0; length < sealed.length; length += 1) await refused(sealed.slice(0, length))
})

test("parts of two sealed texts do not open together", async () => {
  const [one, other] = [
    (await sealer.seal("one", token)).split("."),
    (await sealer.seal("two", token)).split("."),
  ]
  for (const index of [2, 3, 4]) await refused(one.with(index, other[index]!).join("."))
})

test("garbage does not open", async () => {
  const garbage = [
    "",
    ".",
    "....",
    "eyJ",
    "eyJ....",
    "null",
    "1b2c3d4e5f60718293a4b5c6d7e8f901-us19",
    "\u0000😀",
  ]
  for (const text of garbage) await refused(text)
  await fc.assert(fc.asyncProperty(fc.string({ unit: "binary" }), async (text) => refused(text)))
})

describe("createSealer() with rotating keys", () => {
  test("opens what an older key sealed, and seals with the first", async () => {
    const sealed = await sealer.seal("a value", token)
    const rotated = createSealer([newKey, oldKey])
    expect(await rotated.open(sealed, token)).toBe("a value")
    const renewed = await rotated.seal("a value", token)
    expect(await createSealer([newKey]).open(renewed, token)).toBe("a value")
    await refused(renewed)
  })

  test("does not open what a removed key sealed, and names that key", async () => {
    const sealed = await sealer.seal("a value", token)
    await refused(sealed, token, createSealer([newKey]))
    await expect(createSealer([newKey]).open(sealed, token)).rejects.toThrow(/2025$/)
  })

  test("does not open what another key of the same id sealed", async () => {
    const sealed = await sealer.seal("a value", token)
    await refused(sealed, token, createSealer([{ id: oldKey.id, key: newKey.key }]))
  })

  test("refuses keys that could seal what no key opens", () => {
    expect(() => createSealer([oldKey, { id: oldKey.id, key: newKey.key }])).toThrow(
      "two keys that have the same id",
    )
    for (const length of [0, 16, 31, 33]) {
      expect(() => createSealer([oldKey, { id: "short", key: new Uint8Array(length) }])).toThrow(
        /32 bytes long: short$/,
      )
    }
  })
})

describe("a text made with our key by other means does not open", () => {
  test("but exactly the form that seal() writes does, so that these tests can fail", async () => {
    expect(await sealer.open(await forge(header, oldKey.key), token)).toBe("forged")
  })

  test.each([
    ["another content encryption", { ...header, enc: "A128CBC-HS256" }],
    ["AES key wrap", { ...header, alg: "A256KW" }],
    ["AES-GCM key wrap", { ...header, alg: "A256GCMKW" }],
    ["a password", { ...header, alg: "PBES2-HS256+A128KW" }],
    ["no key id", { alg: "dir", enc: "A256GCM", typ: "token" }],
    ["no purpose", { alg: "dir", enc: "A256GCM", kid: oldKey.id }],
    ["an unknown key id", { ...header, kid: "constructor" }],
    ["an empty key id", { ...header, kid: "" }],
  ])("%s", async (_, forged) => refused(await forge(forged, oldKey.key)))

  test.each([[null], ["text"], [{ value: 1 }], [{ owner: "an owner" }], [{ value: 1, owner: ["an owner"] }]])(
    "with the content %j",
    async (content) => {
      const plaintext = new TextEncoder().encode(JSON.stringify(content))
      await refused(await new CompactEncrypt(plaintext).setProtectedHeader(header).encrypt(oldKey.key))
    },
  )

  test("with content that is not JSON, or not UTF-8", async () => {
    for (const plaintext of [new TextEncoder().encode("{"), new Uint8Array([0xff]), new Uint8Array(0)]) {
      await refused(await new CompactEncrypt(plaintext).setProtectedHeader(header).encrypt(oldKey.key))
    }
  })

  test("a JWT that is signed or encrypted with our key", async () => {
    await refused(
      await new SignJWT({ value: 1, owner: "an owner" })
        .setProtectedHeader({ alg: "HS256", kid: oldKey.id, typ: "token" })
        .sign(oldKey.key),
    )
    const unsigned = `${base64url.encode(JSON.stringify({ alg: "none", kid: oldKey.id, typ: "token" }))}.${base64url.encode("{}")}.`
    await refused(unsigned)
    await refused(await new EncryptJWT({ value: 1 }).setProtectedHeader(header).encrypt(oldKey.key))
  })
})

test("isSealed() distinguishes sealed texts, of any key, from tokens as Mailchimp issues them", async () => {
  const sealed = await sealer.seal("a value", token)
  expect(sealer.isSealed(sealed)).toBe(true)
  expect(createSealer([newKey]).isSealed(sealed)).toBe(true)
  expect(sealer.isSealed(sealed.slice(0, -10))).toBe(true)
  for (const plain of ["1b2c3d4e5f60718293a4b5c6d7e8f901", "1b2c3d4e5f60718293a4b5c6d7e8f901-us19", ""]) {
    expect(sealer.isSealed(plain)).toBe(false)
  }
})
