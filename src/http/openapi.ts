import type { OpenAPIHono, z } from "@hono/zod-openapi"
import { problemSchema } from "./problem.ts"

/** By name: the operation that is linked to, and its parameters as runtime expressions over the answer. */
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
        "Connect a Mailchimp account once, then stream every member of it. A method that a path does not have is a 405 `method_not_allowed`, whose header Allow lists those it has.",
    },
    servers: [{ url: publicUrl }],
    tags: [
      { name: "Connection", description: "Log in to Mailchimp, look at the connection, disconnect" },
      { name: "Export", description: "The lists of the connected account, and their members" },
      { name: "Health", description: "For the machines that run the service" },
    ],
  }
}

/** Routes that need a caller name this in `security`; all others an empty list. */
export const bearerSecurity = [{ bearer: [] }]

export function registerSecurity(app: OpenAPIHono): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
  })
}

/** A JSON answer, for a route's declaration; `links` tell which routes take values from it, and which values. */
export function jsonContent<T extends z.ZodType>(schema: T, description: string, links?: Links) {
  const content = { "application/json": { schema } }
  return { description, content, ...(links === undefined ? {} : { links }) }
}

/** The problems that a route declares, by status. */
export const problems = {
  400: problem("The request is not right: `errors` names each parameter"),
  401: problem("No bearer token, or not a good one"),
  403: problem("Not for this caller, or forbidden by Mailchimp"),
  404: problem("No connection, or no such list"),
  406: problem("None of the accepted formats can be had"),
  409: problem("The connection is invalidated, was deleted meanwhile, or there is one already"),
  410: problem("The cursor can no longer be honoured: begin again without one"),
  429: problem("Too many exports run at the same time: try again after Retry-After"),
  500: problem("Something failed here: the log has it under the request's id"),
  502: problem("Mailchimp failed, or this server is blocked in front of it"),
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
  500: problems[500],
  503: problems[503],
}

function problem(description: string) {
  return { description, content: { "application/problem+json": { schema: problemSchema } } }
}
