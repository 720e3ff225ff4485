import { z } from "@hono/zod-openapi"

/** The prefix of every route that the platform's users know. */
export const apiPrefix = "/v1/integrations/mailchimp"

/** A successful response, in the envelope that the platform's users know. */
export function toEnvelope<T>(data: T) {
  return { success: true as const, message: "Success" as const, data }
}

/** The schema of a successful response, from the schema of its data. */
export function envelopeOf<T extends z.ZodType>(data: T) {
  return z.object({ success: z.literal(true), message: z.literal("Success"), data })
}
