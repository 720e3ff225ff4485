import { z } from "zod"
import type { Upstream } from "../errors.ts"
import type { Redact } from "../lib/redaction.ts"
import { readHtmlPage } from "./html-page.ts"
import type { RawResponse } from "./transport.ts"

/** Longer than any problem of Mailchimp's, and cheap to parse. */
const longestProblemBytes = 65_536

// A problem remains a problem if a field is missing or of another type.
const problemSchema = z.object({
  title: z.string().optional().catch(undefined),
  detail: z.string().optional().catch(undefined),
  instance: z.string().optional().catch(undefined),
  errors: z
    .array(z.object({ field: z.string().catch(""), message: z.string().catch("") }))
    .optional()
    .catch(undefined),
})

type Problem = z.infer<typeof problemSchema>

/** What the body of a failed response is: Mailchimp's own problem, a gateway's HTML page, or neither. */
export type FailureBody =
  | { readonly type: "problem"; readonly title: string | undefined; readonly upstream: Upstream }
  | { readonly type: "page"; readonly upstream: Upstream }
  | { readonly type: "other"; readonly upstream: Upstream }

/** Reads the words of a failed response. They are presentable: redacted, and short. */
export function readFailureBody({ status, headers, body }: RawResponse, redact: Redact): FailureBody {
  const text = new TextDecoder().decode(body.subarray(0, longestProblemBytes))
  const page = readHtmlPage(headers, text)
  if (page !== undefined) {
    const { title, reference } = page
    return {
      type: "page",
      upstream: {
        status,
        ...(title !== undefined && { title: redact(title) }),
        ...(reference !== undefined && { instance: redact(reference) }),
      },
    }
  }
  const problem = parseProblem(text)
  if (problem === undefined) return { type: "other", upstream: { status } }
  return { type: "problem", title: problem.title, upstream: toUpstream(status, problem, redact) }
}

function parseProblem(text: string): Problem | undefined {
  try {
    return problemSchema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

function toUpstream(status: number, { title, detail, instance, errors }: Problem, redact: Redact): Upstream {
  const fields = errors?.map(({ field, message }) => `${field} ${message}`.trim()) ?? []
  const details = [detail ?? "", ...fields].filter((part) => part !== "").join("; ")
  return {
    status,
    ...(title !== undefined && { title: redact(title) }),
    ...(details !== "" && { detail: redact(details) }),
    ...(instance !== undefined && { instance: redact(instance) }),
  }
}
