import { z } from "@hono/zod-openapi"
import { problemSchema, toInvalidParameters } from "./problem.ts"

/** The prefix of every route that the platform's users know. */
export const apiPrefix = "/v1/integrations/mailchimp"

/** A good answer, in the envelope that the platform's users know. */
export function toEnvelope<T>(data: T) {
  return { success: true as const, message: "Success" as const, data }
}

export function envelopeOf<T extends z.ZodType>(data: T) {
  return z.object({ success: z.literal(true), message: z.literal("Success"), data })
}

export function jsonContent<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { "application/json": { schema } } }
}

/** The problems that a route declares, by status. */
export const problems = {
  400: problem("The request is not right: `errors` names each parameter"),
  401: problem("No bearer token, or not a good one"),
  403: problem("Not for this caller, or forbidden by Mailchimp"),
  404: problem("No connection, or no such list"),
  406: problem("None of the accepted formats can be had"),
  409: problem("The connection is invalidated, or there is one already"),
  502: problem("Mailchimp failed"),
  503: problem(
    "Mailchimp throttles, the database is away, or the service shuts down: try again after Retry-After",
  ),
  504: problem("Mailchimp took too long"),
} as const

/** What may go wrong on every route that needs a caller and the database. */
export const callerProblems = {
  400: problems[400],
  401: problems[401],
  403: problems[403],
  503: problems[503],
}

function problem(description: string) {
  return { description, content: { "application/problem+json": { schema: problemSchema } } }
}

/** A parameter that may be given once. */
export const once = z.string({
  error: ({ input }) => (input === undefined ? "must be given" : "must be given only once"),
})

export const subAccountId = once.min(1, "must not be empty").optional().meta({
  description: "Acts for a sub-account that the token's `sub_accounts` name",
})

/** Turns a request that its schema refuses into a problem; the same for every route. */
export function refuseInvalid(result: { success: true } | { success: false; error: z.core.$ZodError }): void {
  if (!result.success) throw toInvalidParameters(result.error)
}
