import { createHmac } from "node:crypto"
import { expect, test } from "bun:test"
import { isSigned } from "../../src/webhooks/signature.ts"

const secret = "s3cret"
const nowS = 1_772_000_000
const body = new Uint8Array([0x74, 0x3d, 0xff, 0x00, 0x0a])
const sign = (time: number | string, bytes: Uint8Array = body, key = secret) =>
  createHmac("sha256", key).update(`${time}.`).update(bytes).digest("hex")
const isGood = (signature: string | undefined, bytes = body, key = secret) =>
  isSigned(signature, bytes, { secret: key, nowS })

test("a signature over the time and the raw bytes is accepted, up to five minutes off", () => {
  for (const time of [nowS, nowS - 300, nowS + 300]) expect(isGood(`t=${time},v1=${sign(time)}`)).toBe(true)
  expect(isGood(`v1=${"0".repeat(64)}, v1=${sign(nowS)}, t=${nowS}`)).toBe(true)
})

test.each([
  ["none", undefined],
  ["empty", ""],
  ["of another key", `t=${nowS},v1=${sign(nowS, body, "other")}`],
  ["of another body", `t=${nowS},v1=${sign(nowS, new Uint8Array([1]))}`],
  ["of another time", `t=${nowS},v1=${sign(nowS - 1)}`],
  ["too old", `t=${nowS - 301},v1=${sign(nowS - 301)}`],
  ["of the future", `t=${nowS + 301},v1=${sign(nowS + 301)}`],
  ["without a time", `v1=${sign("")}`],
  ["of a time that is no number", `t=NaN,v1=${sign("NaN")}`],
  ["of another version", `t=${nowS},v0=${sign(nowS)}`],
  ["short", `t=${nowS},v1=${sign(nowS).slice(2)}`],
  ["in upper case", `t=${nowS},v1=${sign(nowS).toUpperCase()}`],
])("a signature is refused: %s", (_, signature) => {
  expect(isGood(signature)).toBe(false)
})

test("an empty secret signs nothing", () => {
  expect(isGood(`t=${nowS},v1=${sign(nowS, body, "")}`, body, "")).toBe(false)
})
