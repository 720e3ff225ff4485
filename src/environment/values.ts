import { z } from "zod"
import type { SealerKey } from "../sealer.ts"

export const text = z.string().trim()
export const wholeNumber = (min: number, max: number) => {
  const range = `must be a whole number from ${min} to ${max}`
  return z.coerce.number(range).int(range).min(min, range).max(max, range)
}
/** For a variable that Bun reads itself, and in which it accepts only digits. */
export const maxRequests = z
  .string()
  .refine(
    (value) => /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535,
    "must be a whole number from 1 to 65535",
  )
  .transform(Number)
export const url = text.refine(
  (value) => isHttpUrl(value),
  "must be a URL that begins with http:// or https://",
)
/** Normalized for comparison: scheme and host in lower case, no trailing slash. */
export const baseUrl = url.transform((value) => new URL(value).href.replace(/\/+$/, ""))
/** Of a server to which secrets or personal data are sent. */
export const safeBaseUrl = baseUrl.refine(
  (value) => value.startsWith("https://") || isLoopback(new URL(value).hostname),
  "must begin with https://, except on this machine",
)
/** A folder, or a bucket with a prefix of keys. */
export const jobFiles = text.refine(
  (value) => !value.includes("://") || isBucketUrl(value),
  "must be a folder, or s3://bucket or s3://bucket/prefix",
)
export const origins = text.transform((value, context) =>
  splitList(value).map((item) => {
    const origin = isHttpUrl(item) ? new URL(item).origin : ""
    if (origin !== item.replace(/\/$/, "").toLowerCase()) {
      context.addIssue("must hold origins such as https://app.example.com, separated by commas")
    }
    return origin
  }),
)
export const tokenKeys = text.transform((value, context) => {
  const keys = splitList(value).map((item): SealerKey => {
    const [id = "", encoded = ""] = item.split(/:(.*)/s)
    return { id, key: Uint8Array.from(Buffer.from(encoded, "base64")) }
  })
  if (keys.length === 0 || keys.some(({ id, key }) => !/^[\w-]+$/.test(id) || key.length !== 32)) {
    context.addIssue("must hold keys of the form id:base64 of 32 bytes, separated by commas")
  } else if (new Set(keys.map(({ id }) => id)).size < keys.length) {
    context.addIssue("must not hold two keys with the same id")
  }
  return keys
})
export const host = text.refine(
  (value) => URL.canParse(`http://${hostInUrl(value)}:1`),
  "must be a host name or an IP address",
)
/** May contain `{dc}`, in place of which the data center is put. */
export const apiUrl = text
  .refine(
    (value) => isHttpUrl(value.replaceAll("{dc}", "us1")),
    "must be a URL that begins with http:// or https://",
  )
  .transform((value) => value.replace(/\/+$/, ""))

/** An address that means "all interfaces" is not an address that a browser can reach. */
export function hostInUrl(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1"
  return host.includes(":") ? `[${host}]` : host
}

/** The items of a text that are separated by commas. */
export function splitList(value: string): string[] {
  return value
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")
}

export function isBucketUrl(value: string): boolean {
  return /^s3:\/\/[a-z\d][a-z\d.-]{1,61}[a-z\d](?:\/[\w.-]+)*\/?$/.test(value)
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.[\d.]+$/.test(hostname)
}

function isHttpUrl(value: string): boolean {
  const parsed = URL.parse(value)
  return parsed !== null && (parsed.protocol === "http:" || parsed.protocol === "https:")
}
