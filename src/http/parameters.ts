import { z } from "@hono/zod-openapi"
import type { Context } from "hono"
import { toInvalidParameters } from "./problem.ts"

/** A parameter that may be given once. */
export const once = z.string({
  error: ({ input }) => (input === undefined ? "must be given" : "must be given only once"),
})

export const subAccountId = once.min(1, "must not be empty").optional().meta({
  description: "Acts for a sub-account that the token's `sub_accounts` name",
})

/** Where a login sends the browser back to. What the document says of its form is checked with its origin. */
export const forwardUrl = once.openapi({
  description: "Where the browser goes in the end; its origin must be allowed",
  format: "uri",
  pattern: "^[Hh][Tt][Tt][Pp][Ss]?:",
  example: "https://app.example.com/connected",
})

/** The form of cursors and states, for the document: a compact JWE. Other texts are refused when they are opened. */
export const sealedText = { pattern: String.raw`^eyJ[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$` }

/** Turns a request that its schema refuses into a problem; the same for every route. */
export function refuseInvalid(result: { success: true } | { success: false; error: z.core.$ZodError }): void {
  if (!result.success) throw toInvalidParameters(result.error)
}

/**
 * Hono answers HEAD by GET without its body. Whoever only looks, as a link scanner does, must not use a state up, nor
 * have Mailchimp asked for what nobody reads.
 */
export function isHead(context: Context): boolean {
  return context.req.method === "HEAD"
}
