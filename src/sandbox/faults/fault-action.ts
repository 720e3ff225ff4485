import { z } from "zod"
import { htmlPageNames, problems, type ProblemName } from "../api/problems.ts"
import { oddities } from "./odd-pages.ts"

const problemNames = Object.keys(problems).filter((name): name is ProblemName => name in problems)

/** What goes wrong with one response, by kind: ../README.md says what each kind imitates. */
export const faultActionSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("problem"),
    problem: z.enum(problemNames).describe("One of Mailchimp's errors"),
    retryAfter: z.string().optional().describe("The Retry-After header; none by default"),
  }),
  z
    .object({ kind: z.literal("json"), status: z.number().int(), body: z.record(z.string(), z.json()) })
    .describe("JSON in another form: a gateway's 401, or invalid_token of the metadata endpoint"),
  z.object({
    kind: z.literal("html"),
    status: z.number().int().describe("The status of a proxy's page: 200, 403, 502 …"),
    page: z.enum(htmlPageNames).optional().describe("The page with which a firewall blocks an address"),
    retryAfter: z.string().optional().describe("The Retry-After header; none by default"),
  }),
  z.object({ kind: z.literal("empty"), status: z.number().int() }).describe("This status without a body"),
  z
    .object({ kind: z.literal("redirect"), location: z.string() })
    .describe("302 to another address, which may be of another host"),
  z
    .object({ kind: z.literal("revoke") })
    .describe(
      "Revokes the account's tokens: this and all later requests are a 401, and the metadata confirm it",
    ),
  z
    .object({ kind: z.literal("disable") })
    .describe("Disables the user: this and all later requests are a 403"),
  z
    .object({ kind: z.literal("bad_json"), keep: z.number().min(0).max(1).default(0.5) })
    .describe("200 whose JSON ends after this share of the body"),
  z
    .object({ kind: z.literal("short_page"), rows: z.number().int().min(0) })
    .describe("At most this many rows"),
  z
    .object({ kind: z.literal("odd_page"), oddity: z.enum(oddities) })
    .describe("200 with a page of members that is unusual or wrong"),
  z
    .object({ kind: z.literal("cut"), keep: z.number().min(0).max(1).default(0.5) })
    .describe("Breaks the connection after this share of the body"),
  z.object({ kind: z.literal("reset") }).describe("Breaks the connection before the headers are complete"),
  z
    .object({ kind: z.literal("hang") })
    .describe("Never responds; holds its connection until the client disconnects"),
  z.object({ kind: z.literal("delay"), ms: z.number().min(0) }).describe("Responds this much later"),
  z
    .object({ kind: z.literal("slow"), chunks: z.number().int().min(1), everyMs: z.number().min(0) })
    .describe("Sends the body in pieces, with a pause before each"),
  z
    .object({ kind: z.literal("trickle"), everyMs: z.number().min(1).default(1000) })
    .describe("Sends the headers at once, and then a byte at a time with pauses"),
  z
    .object({ kind: z.literal("date"), offsetMs: z.number() })
    .describe("A `Date` that is ahead by this offset, or behind if negative"),
  z
    .object({ kind: z.literal("date_text"), text: z.string() })
    .describe("A `Date` with this text; an empty text means no `Date`"),
  z
    .object({
      kind: z.literal("bomb"),
      bytes: z.number().int().min(0).describe("How many blanks the body inflates to"),
      claims: z.number().int().min(0).optional().describe("The size that the gzip trailer claims instead"),
      parts: z
        .number()
        .int()
        .min(1)
        .default(1)
        .describe("The number of gzip members, each with `bytes` blanks"),
      plain: z.boolean().default(false).describe("Not compressed at all"),
      chunked: z.boolean().default(false).describe("Without a Content-Length"),
    })
    .describe("200 with a small body that inflates to a large one"),
])

export type FaultAction = z.output<typeof faultActionSchema>

/** A fault's action as it is planned, when values with a default may be left out. */
export type FaultActionInput = z.input<typeof faultActionSchema>
