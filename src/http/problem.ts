import type { ErrorHandler, NotFoundHandler } from "hono"
import { HTTPException } from "hono/http-exception"
import { z } from "@hono/zod-openapi"
import { apiPrefix } from "./envelope.ts"
import { AppError, errorTable, type InvalidInput, invalidParameters, maxInvalidInputs } from "../errors.ts"
import { upstreamSchema } from "../exports/event-lines.ts"

/**
 * The body of every error response (RFC 9457), with the fields `success` and `message` of the platform's envelope, so
 * that existing clients find the fields they know.
 */
export const problemSchema = z
  .object({
    type: z
      .string()
      .meta({ description: "The page that describes the code", example: "/docs#list_not_found" }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: "What is wrong and how to correct it, for a person" }),
    code: z.enum(Object.keys(errorTable)).meta({ description: "For programs: a code never changes" }),
    errors: z
      .array(z.object({ name: z.string(), reason: z.string() }))
      .optional()
      .meta({ description: "Each invalid parameter, and what would be valid" }),
    upstream: upstreamSchema.optional().meta({ description: "Mailchimp's own error" }),
    success: z.literal(false),
    message: z.string(),
  })
  .openapi("Problem")

/** The one place where an error becomes a response. */
function toProblem(error: AppError): Response {
  const { code, status, title, detail, errors, upstream, retryAfterS } = error
  const body = {
    type: `/docs#${code}`,
    title,
    status,
    detail,
    code,
    errors,
    upstream,
    success: false,
    message: title,
  }
  const headers = new Headers({ "content-type": "application/problem+json", "cache-control": "no-store" })
  if (code === "unauthorized") headers.set("www-authenticate", "Bearer")
  if (status === 429 || status === 503)
    headers.set("retry-after", String(Math.max(1, Math.ceil(retryAfterS ?? 5))))
  return new Response(JSON.stringify(body), { status, headers })
}

/** An unforeseen failure reveals nothing internal to the client: the details are in the log, under the request's id. */
function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (error instanceof HTTPException && error.status === 400) {
    const what = error.message.includes("JSON") ? "its body is not valid JSON" : "it is malformed"
    return new AppError("invalid_parameter", `Cannot read the request because ${what}`, { cause: error })
  }
  return new AppError(
    "internal_error",
    "Cannot complete the request because of an internal error: the log has it under this request's id",
    { cause: error },
  )
}

/**
 * Every error of a route ends here. If the consumer disconnected before the response began, the consumer caused the error
 * and nobody reads the response: 499 (nginx's "client closed request") records that in the log.
 */
export const onError: ErrorHandler = (error, context) => {
  if (context.req.raw.signal.aborted) return new Response(null, { status: 499 })
  const appError = toAppError(error)
  context.set("error", appError)
  return toProblem(appError)
}

/** No route has this method and path. The path is not repeated, because it may hold a secret. */
export const onNotFound: NotFoundHandler = () =>
  toProblem(
    new AppError(
      "route_not_found",
      `Cannot find a route for this path: most begin with ${apiPrefix}, and /docs lists them`,
    ),
  )

/** A failed validation of a request, as a problem that names each parameter. The values are not repeated. */
export function toInvalidParameters(error: z.core.$ZodError): AppError {
  return invalidParameters(error.issues.flatMap(toInvalidInputs))
}

function toInvalidInputs(issue: z.core.$ZodIssue): InvalidInput[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys
      .slice(0, maxInvalidInputs)
      .map((name) => ({ name: truncate(name), reason: "is not a parameter of this route: see /docs" }))
  }
  return [{ name: issue.path.map(String).join(".") || "request", reason: toReason(issue) }]
}

const typeNames: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  object: "a JSON object",
  string: "a text",
}

/** A value of another type, for which a schema need not have words of its own. */
function toReason(issue: z.core.$ZodIssue): string {
  const isZods = issue.code === "invalid_type" && issue.message.startsWith("Invalid input")
  return isZods ? `must be ${typeNames[issue.expected] ?? issue.expected}` : issue.message
}

/** The name of a parameter may be as long as a URL, so it is truncated. */
function truncate(name: string): string {
  return name.length > 100 ? `${name.slice(0, 99)}…` : name
}
