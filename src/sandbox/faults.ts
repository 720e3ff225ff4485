import { oddities } from "./api/odd-pages.ts"
import { htmlPageNames, problems, type ProblemName } from "./api/problems.ts"
import { z } from "zod"

const problemNames = Object.keys(problems).filter((name): name is ProblemName => name in problems)

/** What goes wrong. Everything but `short_page`, `odd_page`, `delay`, `cut`, `slow` and the dates happens instead of the answer. */
export const faultActionSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("problem"),
    problem: z.enum(problemNames).describe("One of Mailchimp's errors"),
    retryAfter: z.string().optional().describe("The Retry-After header, where there should be one"),
  }),
  z
    .object({ kind: z.literal("json"), status: z.number().int(), body: z.record(z.string(), z.json()) })
    .describe("Somebody else's JSON: a gateway's 401, or invalid_token of the metadata endpoint"),
  z.object({
    kind: z.literal("html"),
    status: z.number().int().describe("A proxy's page: 200, 403, 502 …"),
    page: z.enum(htmlPageNames).optional().describe("How a firewall refuses an address"),
    retryAfter: z.string().optional().describe("The Retry-After header, if there should be one"),
  }),
  z
    .object({ kind: z.literal("bad_json"), keep: z.number().min(0).max(1).default(0.5) })
    .describe("200 whose JSON ends early"),
  z
    .object({ kind: z.literal("short_page"), rows: z.number().int().min(0) })
    .describe("At most that many rows"),
  z
    .object({ kind: z.literal("odd_page"), oddity: z.enum(oddities) })
    .describe("200 with a page of members that is not as usual, or not right"),
  z
    .object({ kind: z.literal("cut"), keep: z.number().min(0).max(1).default(0.5) })
    .describe("Breaks the connection in the body"),
  z.object({ kind: z.literal("reset") }).describe("Breaks the connection before the headers are complete"),
  z
    .object({ kind: z.literal("hang") })
    .describe("Never answers; holds its connection until the client leaves"),
  z.object({ kind: z.literal("delay"), ms: z.number().min(0) }),
  z
    .object({ kind: z.literal("slow"), chunks: z.number().int().min(1), everyMs: z.number().min(0) })
    .describe("Sends the body in pieces"),
  z
    .object({ kind: z.literal("date"), offsetMs: z.number() })
    .describe("A `Date` that is so far ahead, or behind if negative"),
  z
    .object({ kind: z.literal("date_text"), text: z.string() })
    .describe("A `Date` of that text; an empty one stands for none"),
  z
    .object({
      kind: z.literal("bomb"),
      bytes: z.number().int().min(0).describe("How many blanks the body becomes when it is inflated"),
      claims: z.number().int().min(0).optional().describe("What its end says instead"),
      parts: z.number().int().min(1).default(1).describe("Members of the gzip, each of so many bytes"),
      plain: z.boolean().default(false).describe("Not compressed at all"),
      chunked: z.boolean().default(false).describe("Without a Content-Length"),
    })
    .describe("200 with a small body that becomes a large one"),
])

export type FaultAction = z.output<typeof faultActionSchema>

/** A fault to come. Without a match it is the next request's; `skip` and `times` count the requests that match. */
type Fault = {
  match?: {
    /** A part of the path, or a pattern of it. */
    path?: string | RegExp
    method?: string
    listId?: string
    /** The `offset` parameter, 0 where there is none. */
    offset?: number
    /** Only requests for more rows than this. */
    countAbove?: number
    /** Any part of the query, such as `status=archived`. */
    query?: string | RegExp
  }
  action: z.input<typeof faultActionSchema>
  /** How many matching requests go well first; 0 by default. */
  skip?: number
  /** How many then go wrong; 1 by default, Infinity for all. */
  times?: number
}

/** A fault that was added: how often it matched and was played, and the way to take it back. */
type FaultHandle = { readonly matched: number; readonly played: number; remove(): void }

export type Faults = {
  add(fault: Fault): FaultHandle
  clear(): void
  /** The faults there are, with their counts. */
  list(): { action: FaultAction; matched: number; played: number }[]
  /** Counts the request for every fault that it matches and returns the first that is due. */
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
        const place = entry.matched++
        if (action === undefined && place >= skip && entry.played < times) {
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
