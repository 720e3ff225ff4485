import { createHmac, timingSafeEqual } from "node:crypto"

/** A signature of another time is refused, because it may be a repetition. */
const maxAgeS = 300

/**
 * Whether a delivery is signed: `t=<unix>,v1=<hex>` is the HMAC-SHA256 over `t`, a dot and the raw bytes of the body. False
 * for an empty secret.
 */
export function isSigned(
  signature: string | undefined,
  body: Uint8Array,
  { secret, nowS }: { readonly secret: string; readonly nowS: number },
): boolean {
  const fields = (signature ?? "").split(",").map((field) => field.trim())
  const time = /^t=(\d{1,12})$/.exec(fields.find((field) => field.startsWith("t=")) ?? "")?.[1]
  if (secret === "" || time === undefined || Math.abs(nowS - Number(time)) > maxAgeS) return false
  const expected = createHmac("sha256", secret).update(`${time}.`).update(body).digest()
  return fields.some((field) => {
    const given = /^v1=([0-9a-f]{64})$/.exec(field)?.[1]
    return given !== undefined && timingSafeEqual(Buffer.from(given, "hex"), expected)
  })
}
