import { oddities } from "./api/odd-pages.ts"
import { htmlPageNames, problems, type ProblemName } from "./api/problems.ts"
import { z } from "zod"

const problemNames = Object.keys(problems).filter((name): name is ProblemName => name in problems)

/**
 * What goes wrong. Every kind except `short_page`, `odd_page`, `delay`, `cut`, `slow` and the dates replaces the
 * response.
 */
export const faultActionSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("problem"),
    problem: z.enum(problemNames).describe("One of Mailchimp's errors"),
    retryAfter: z.string().optional().describe("The Retry-After header, if there should be one"),
  }),
  z
    .object({ kind: z.literal("json"), status: z.number().int(), body: z.record(z.string(), z.json()) })
    .describe("JSON in another form: a gateway's 401, or invalid_token of the metadata endpoint"),
  z.object({
    kind: z.literal("html"),
    status: z.number().int().describe("A proxy's page: 200, 403, 502 …"),
    page: z.enum(htmlPageNames).optional().describe("The page with which a firewall blocks an address"),
    retryAfter: z.string().optional().describe("The Retry-After header, if there should be one"),
  }),
  z
    .object({ kind: z.literal("bad_json"), keep: z.number().min(0).max(1).default(0.5) })
    .describe("200 whose JSON ends early"),
  z
    .object({ kind: z.literal("short_page"), rows: z.number().int().min(0) })
    .describe("At most this many rows"),
  z
    .object({ kind: z.literal("odd_page"), oddity: z.enum(oddities) })
    .describe("200 with a page of members that is unusual or wrong"),
  z
    .object({ kind: z.literal("cut"), keep: z.number().min(0).max(1).default(0.5) })
    .describe("Breaks the connection within the body"),
  z.object({ kind: z.literal("reset") }).describe("Breaks the connection before the headers are complete"),
  z
    .object({ kind: z.literal("hang") })
    .describe("Never responds; holds its connection until the client disconnects"),
  z.object({ kind: z.literal("delay"), ms: z.number().min(0) }),
  z
    .object({ kind: z.literal("slow"), chunks: z.number().int().min(1), everyMs: z.number().min(0) })
    .describe("Sends the body in pieces"),
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
        .describe("The number of gzip members, each of this many bytes"),
      plain: z.boolean().default(false).describe("Not compressed at all"),
      chunked: z.boolean().default(false).describe("Without a Content-Length"),
    })
    .describe("200 with a small body that inflates to a large one"),
])

export type FaultAction = z.output<typeof faultActionSchema>

/** A planned fault. Without a match it hits the next request; `skip` and `times` count only matching requests. */
type Fault = {
  match?: {
    /** A part of the path, or a pattern for it. */
    path?: string | RegExp
    method?: string
    listId?: string
    /** The `offset` parameter, 0 if it is missing. */
    offset?: number
    /** Only requests for more rows than this. */
    countAbove?: number
    /** Any part of the query, such as `status=archived`. */
    query?: string | RegExp
  }
  action: z.input<typeof faultActionSchema>
  /** How many matching requests succeed first; 0 by default. */
  skip?: number
  /** How many matching requests fail after that; 1 by default, Infinity for all. */
  times?: number
}

/** An added fault: how often it matched and was played, and a method to remove it. */
type FaultHandle = { readonly matched: number; readonly played: number; remove(): void }

export type Faults = {
  add(fault: Fault): FaultHandle
  clear(): void
  /** The current faults, with their counts. */
  list(): { action: FaultAction; matched: number; played: number }[]
  /** Counts the request for every fault that matches it, and returns the first fault that is due. */
  next(request: Request): FaultAction | undefined
}

export function createFaults(): Faults {
  let entries: { fault: Fault; action: FaultAction; matched: number; played: number }[] = []
  return {
    add(fault) {
      const entry = { fault, action: faultActionSchema.parse(fault.action), matched: 0, played: 0 }
      entries.push(entry)
      return {
        get matched() {
          return entry.matched
        },
        get played() {
          return entry.played
        },
        remove: () => {
          entries = entries.filter((other) => other !== entry)
        },
      }
    },
    clear() {
      entries = []
    },
    list: () => entries.map(({ action, matched, played }) => ({ action, matched, played })),
    next(request) {
      let action: FaultAction | undefined
      for (const entry of entries) {
        if (!matches(entry.fault, request)) continue
        const { skip = 0, times = 1 } = entry.fault
        const index = entry.matched++
        if (action === undefined && index >= skip && entry.played < times) {
          action = entry.action
          entry.played++
        }
      }
      return action
    },
  }
}

function has(text: string, part: string | RegExp | undefined): boolean {
  return part === undefined || (typeof part === "string" ? text.includes(part) : part.test(text))
}

function matches({ match = {} }: Fault, request: Request): boolean {
  const url = new URL(request.url)
  return (
    has(url.pathname, match.path) &&
    has(url.search, match.query) &&
    (match.method === undefined || match.method === request.method) &&
    (match.listId === undefined || url.pathname.includes(`/lists/${match.listId}`)) &&
    (match.countAbove === undefined || Number(url.searchParams.get("count") ?? 10) > match.countAbove) &&
    (match.offset === undefined || match.offset === Number(url.searchParams.get("offset") ?? 0))
  )
}
