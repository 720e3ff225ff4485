import type { MemberStatus } from "../../client/member.ts"
import { CommandError } from "../command-error.ts"
import type { Selection } from "./selection.ts"

/** The options as they were typed. */
export type PullOptions = {
  readonly out: string
  readonly format?: Selection["format"] | undefined
  readonly list?: readonly string[] | undefined
  readonly fields?: readonly string[] | undefined
  readonly status?: readonly string[] | undefined
  readonly since?: string | undefined
  readonly include?: Selection["include"]
  readonly resume?: boolean | undefined
  readonly quiet?: boolean | undefined
  readonly json?: boolean | undefined
  readonly sandbox?: boolean | undefined
}

const statuses = ["subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived"] as const

/** @throws {CommandError} `usage` if an option is invalid, or if options contradict each other */
export function parsePullOptions(options: PullOptions) {
  const { out, since } = options
  const { resume: isResumed = false, sandbox: isSandbox = false } = options
  const { json: isJson = false, quiet: isQuiet = false } = options
  const isIncrement = since === "last"
  const isContinued = isResumed || isIncrement
  if (out === "-" && isContinued)
    throw new CommandError("usage", "--resume and --since last need a file that remembers: use --out FILE")
  if (isSandbox && isContinued)
    throw new CommandError(
      "usage",
      "--resume and --since last do not go with --sandbox, which starts anew each time",
    )
  const selection: Selection = {
    format: options.format ?? (out.toLowerCase().endsWith(".csv") ? "csv" : "ndjson"),
    lists: splitAll(options.list),
    fields: splitAll(options.fields),
    status: splitAll(options.status)?.map(toStatus),
    include: options.include,
    since: isIncrement ? undefined : toTime(since),
  }
  return { out, selection, isResumed, isIncrement, isSandbox, isJson, isQuiet }
}

/** Each value may have several, separated by commas. */
function splitAll(values: readonly string[] | undefined): string[] | undefined {
  return values?.flatMap((value) => value.split(",")).filter((value) => value !== "")
}

function toStatus(text: string): MemberStatus {
  const status = statuses.find((status) => status === text)
  if (!status) throw new CommandError("usage", `--status can be ${statuses.join(", ")}, and not ${text}`)
  return status
}

/** A day begins at midnight, UTC. */
function toTime(since: string | undefined): string | undefined {
  if (since === undefined) return undefined
  if (/^\d{4}-\d\d-\d\d$/.test(since)) return `${since}T00:00:00Z`
  if (Number.isNaN(Date.parse(since)) || !/(Z|[+-]\d\d:?\d\d)$/i.test(since))
    throw new CommandError(
      "usage",
      "--since is last, a day such as 2026-11-01, or a time with a zone such as 2026-11-01T08:00:00Z",
    )
  return since
}
