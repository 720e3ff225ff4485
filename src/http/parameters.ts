import { z } from "@hono/zod-openapi"
import type { Context } from "hono"
import { toInvalidParameters } from "./problem.ts"

/** A parameter that may be given only once. */
export const once = z.string({
  error: ({ input }) =>
    input === undefined
      ? "must be given"
      : Array.isArray(input)
        ? "must be given only once"
        : "must be a text",
})

export const listIdPattern = /^[\w-]{1,100}$/

/** The id of a list, as a part of the path. */
export const listId = z.string().regex(listIdPattern, "must be the id of a list, as in /lists")

export const subAccountId = once.min(1, "must not be empty").optional().meta({
  description: "Acts for this sub-account, which the token's `sub_accounts` must include",
})

/** The URL to which a login finally redirects the browser. Its documented form is checked together with its origin. */
export const forwardUrl = once.openapi({
  description: "Where the browser is redirected at the end; its origin must be allowed",
  format: "uri",
  pattern: "^[Hh][Tt][Tt][Pp][Ss]?:",
  example: "https://app.example.com/connected",
})

/** The form of cursors and states, for the API document: a compact JWE. Other texts are refused when they are opened. */
export const sealedText = { pattern: String.raw`^eyJ[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$` }

/** A whole number within a range, written in digits. */
export const wholeNumber = (min: number, max: number, { hint = "" } = {}) => {
  const range = `must be a whole number from ${min} to ${max}${hint}`
  return once
    .regex(/^\d{1,15}$/, range)
    .transform(Number)
    .refine((value) => value >= min && value <= max, range)
    .openapi({ type: "integer", minimum: min, maximum: max })
}
/** One of a few words. */
export const oneOf = <const T extends readonly string[]>(values: T) =>
  z.enum(values, {
    error: ({ input }) =>
      Array.isArray(input) ? "must be given only once" : `must be one of ${values.join(", ")}`,
  })

/** A plus sign that is not encoded arrives as a space. */
const withPlus = (value: string) => value.replace(/(T[\d:.]+) (\d\d:?\d\d)$/, "$1+$2")
const isoDate = z.iso.datetime({
  offset: true,
  error: "must be a date and time in ISO 8601 with a zone, such as 2026-01-31T08:00:00Z",
})
/** A moment, in ISO 8601 with a zone. */
export const date = once
  .transform(withPlus)
  .pipe(isoDate)
  .transform((value) => new Date(value))
  .openapi({ type: "string", format: "date-time" })

/** Turns a request that fails its schema into a problem; the same for every route. */
export function refuseInvalid(result: { success: true } | { success: false; error: z.core.$ZodError }): void {
  if (!result.success) throw toInvalidParameters(result.error)
}

/**
 * Hono answers HEAD by GET without its body. A HEAD request, e.g. from a link scanner, must not consume a state or cause
 * requests to Mailchimp.
 */
export function isHead(context: Context): boolean {
  return context.req.method === "HEAD"
}
