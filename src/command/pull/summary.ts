import type { EndLine } from "../../client/types.ts"

/** How an export ended, for people and programs. */
export type Summary = {
  readonly status: EndLine["status"]
  readonly file: string
  readonly rows: number
  /** Only members who changed since another export. */
  readonly isIncrement: boolean
  /** Some rows came again, because the export was resumed. */
  readonly mayRepeat: boolean
  readonly lists: EndLine["lists"]
  readonly deletedLists: readonly string[]
  readonly canContinue: boolean
  /** Starts the next export. */
  readonly cursor: string
}

/** The second up to which all lists are exact. */
function asOf({ lists }: Pick<Summary, "lists">): string | undefined {
  return lists.flatMap(({ as_of }) => as_of ?? []).toSorted()[0]
}

/** A time for people. */
export function toTime(time: string): string {
  return time.replace("T", " ").replace("Z", " UTC")
}

/** The proof, and what comes next: one line. */
export function toProof(summary: Summary): string {
  const { status, file, canContinue, deletedLists, mayRepeat } = summary
  const members = toCount(summary)
  if (status === "short") {
    const next = canContinue ? ". Next: --resume requests them again" : ""
    return `${members} in ${file}, but some may be missing: ${whyShort(summary)}${next}`
  }
  const time = asOf(summary)
  const whole = time === undefined ? "whole" : `whole as of ${toTime(time)}`
  const deleted =
    deletedLists.length > 0 ? `. Deleted lists, whose members are all gone: ${deletedLists.join(", ")}` : ""
  const repeated = mayRepeat
    ? ". Some came twice, because it was resumed: the last row of a member counts"
    : ""
  return `${members}, ${whole}, in ${file}${repeated}${deleted}${canContinue ? ". Next: --since last" : ""}`
}

function toCount({ rows, isIncrement, mayRepeat }: Summary): string {
  const what = mayRepeat ? "row" : isIncrement ? "changed member" : "member"
  return `${rows.toLocaleString("en-US")} ${what}${rows === 1 ? "" : "s"}`
}

function whyShort({ lists }: Summary): string {
  const failed = lists.filter(({ code }) => code).map(({ id, code }) => `${id} (${code})`)
  if (failed.length > 0) return `cannot read the lists ${failed.join(", ")}`
  // A job does not tell which.
  return `${lists.length === 0 ? "a list cannot be read, or " : ""}Mailchimp's counts and rows disagree`
}

/** One object, for `--json`. */
export function toJson(summary: Summary, durationMs: number) {
  const { status, file, rows, lists, deletedLists, mayRepeat } = summary
  return {
    status,
    file,
    rows,
    resumed: mayRepeat,
    as_of: asOf(summary),
    // The rows of a list are those since the export was resumed.
    lists: lists.map((list) => ({ ...list, rows: mayRepeat ? undefined : list.rows })),
    deleted_lists: deletedLists,
    duration_ms: Math.round(durationMs),
  }
}
