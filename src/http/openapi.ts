import type { OpenAPIHono, z } from "@hono/zod-openapi"
import { eventLineSchema } from "../exports/event-lines.ts"
import { problemSchema } from "./problem.ts"

/** By name: the operation that is linked to, and its parameters as runtime expressions over the response. */
type Links = Readonly<
  Record<string, { operationId: string; description: string; parameters: Record<string, string> }>
>

/** The head of /openapi.json; the rest is generated from the routes' own declarations. */
export function openapiDocument(publicUrl: string) {
  return {
    openapi: "3.1.0",
    info: {
      title: "mailchimp-export",
      version: "1",
      description:
        "Connect a Mailchimp account once by `/auth/login` or `/console`, then stream all of its members by `/export`.",
    },
    servers: [{ url: publicUrl }],
    tags: [
      { name: "Connection", description: "Log in to Mailchimp, look at the connection, disconnect" },
      { name: "Export", description: "The lists of the connected account, and their members" },
      {
        name: "Jobs",
        description: "Exports in the background, for what takes longer than a connection lives",
      },
      { name: "Webhooks", description: "What Mailchimp delivers when a list changes" },
      { name: "Health", description: "For the machines that run the service" },
    ],
  }
}

/** Routes that need a caller name this in `security`; all others have an empty list. */
export const bearerSecurity = [{ bearer: [] }]

/** Adds what no route declares: how callers identify themselves, and the lines between the members of an export. */
export function registerComponents(app: OpenAPIHono): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
  })
  // A schema that was created before @hono/zod-openapi was loaded lacks its methods; a clone has them.
  app.openAPIRegistry.register("ExportEvent", eventLineSchema.clone())
}

/** A JSON response, for a route's declaration; `links` say which routes take which values from it. */
export function jsonContent<T extends z.ZodType>(schema: T, description: string, links?: Links) {
  const content = { "application/json": { schema } }
  return { description, content, ...(links === undefined ? {} : { links }) }
}

/** The problems that a route declares, by status. */
export const problems = {
  400: problem("The request is invalid: `errors` names each parameter"),
  401: problem("No bearer token, or an invalid one"),
  403: problem("Forbidden for this caller, or by Mailchimp"),
  404: problem("No connection, or no such list or job"),
  406: problem("None of the accepted formats, or of the accepted encodings, is available"),
  409: problem(
    "The connection is invalidated, was deleted meanwhile, or already exists; or the job's state does not allow it",
  ),
  410: problem("The cursor or the job has expired: start again"),
  415: problem("The body is not declared as JSON"),
  416: problem("The range begins after the last byte"),
  422: problem("The Idempotency-Key was used for another request"),
  webhook: problem("No webhook has this address, or its connection was deleted"),
  429: problem("Too many exports run concurrently: Retry-After says when to retry"),
  500: problem("An internal error: the log has it under the request's id"),
  501: problem("This service cannot run jobs"),
  502: problem("Mailchimp failed, or a firewall in front of Mailchimp blocks this server"),
  503: problem(
    "Mailchimp throttles, the database is unavailable, or the service is shutting down: Retry-After says when to retry",
  ),
  504: problem("Mailchimp took too long"),
} as const

/** The problems of every route that needs a caller and the database. */
export const callerProblems = {
  400: problems[400],
  401: problems[401],
  403: problems[403],
  500: problems[500],
  503: problems[503],
}

function problem(description: string) {
  return { description, content: { "application/problem+json": { schema: problemSchema } } }
}
