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
  readonly formulas?: Selection["formulas"]
  readonly bom?: Selection["bom"]
  readonly resume?: boolean | undefined
  readonly follow?: boolean | undefined
  readonly background?: boolean | undefined
  readonly quiet?: boolean | undefined
  readonly json?: boolean | undefined
  readonly sandbox?: boolean | undefined
}

const statuses = ["subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived"] as const

/** @throws {CommandError} `usage` if an option is invalid, or if options contradict each other */
export function parsePullOptions(options: PullOptions) {
  const { out, since } = options
  const { resume: isResumed = false, sandbox: isSandbox = false } = options
  const { follow: isFollowed = false, background: isBackground = false } = options
  const isIncrement = since === "last"
  const selection: Selection = {
    format: options.format ?? (/\.csv(\.gz)?$/i.test(out) ? "csv" : "ndjson"),
    lists: splitAll(options.list),
    fields: splitAll(options.fields),
    status: splitAll(options.status)?.map(toStatus),
    include: options.include,
    since: isIncrement ? undefined : toTime(since),
    formulas: options.formulas,
    bom: options.bom,
  }
  const isFormatGiven = options.format !== undefined
  const parsed = {
    out,
    selection,
    isFormatGiven,
    isResumed,
    isIncrement,
    isFollowed,
    isBackground,
    isSandbox,
  }
  const reason = contradictions.find(([, applies]) => applies(parsed))?.[0]
  if (reason !== undefined) throw new CommandError("usage", reason)
  return parsed
}

type Parsed = {
  readonly out: string
  readonly selection: Selection
  /** Whether `--format` was given. */
  readonly isFormatGiven: boolean
  readonly isResumed: boolean
  readonly isIncrement: boolean
  readonly isFollowed: boolean
  readonly isBackground: boolean
  readonly isSandbox: boolean
}

/** What does not go together, each with the sentence that says so. */
const contradictions: readonly (readonly [string, (parsed: Parsed) => boolean])[] = [
  [
    "A spreadsheet's file cannot be written: use a name that ends in .csv, and --bom for Excel",
    ({ out, isFormatGiven }) => /\.(xlsx?|ods|numbers)$/i.test(out) && !isFormatGiven,
  ],
  [
    "--formulas and --bom are for CSV: use a name that ends in .csv, or --format csv",
    ({ selection: { format, formulas, bom } }) =>
      format !== "csv" && (formulas !== undefined || bom === true),
  ],
  [
    "--resume and --since last need a file that remembers: use --out FILE",
    ({ out, isResumed, isIncrement }) => out === "-" && (isResumed || isIncrement),
  ],
  [
    "--resume and --since last do not go with --sandbox, which starts anew each time",
    ({ isSandbox, isResumed, isIncrement }) => isSandbox && (isResumed || isIncrement),
  ],
  [
    "--follow writes NDJSON, because CSV has no line for a deletion: choose another --out or --format",
    ({ isFollowed, selection }) => isFollowed && selection.format === "csv",
  ],
  [
    "--follow does not go with --since last or --background: it appends what changes to the file itself",
    ({ isFollowed, isIncrement, isBackground }) => isFollowed && (isIncrement || isBackground),
  ],
  [
    "A .gz file needs --background, whose files are compressed. Otherwise: --out - | gzip > FILE",
    ({ out, isBackground }) => /\.gz$/i.test(out) && !isBackground,
  ],
]

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
