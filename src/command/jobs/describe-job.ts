import type { JobSummary } from "../../client/types.ts"

/** One line a job. Tabs are between the columns, so that `cut` and `awk` can read it. */
export function toTable(jobs: readonly JobSummary[]): string {
  const lines = jobs.map(({ id, state, format, rows, bytes, created_at: created }) =>
    [id, state, format, rows, bytes, created].join("\t"),
  )
  return `${["id\tstate\tformat\tmembers\tbytes\tcreated", ...lines].join("\n")}\n`
}

/** One job, a line for each fact. */
export function toText(job: JobSummary): string {
  const { id, state, format, compression, rows, estimate, bytes, error } = job
  const about = estimate === null ? "" : ` of about ${number(estimate)}`
  const facts = [
    ["job", id],
    ["state", state],
    ["format", compression === "gzip" ? `${format}, gzip` : format],
    ["members", number(rows) + about],
    ["bytes", number(bytes)],
    ["created", job.created_at],
    ["ended", job.ended_at],
    ["expires", job.expires_at],
    ["error", error && `${error.code}: ${error.detail}`],
  ] as const
  return facts.map(([name, value]) => (value === null ? "" : `${name.padEnd(9)}${value}\n`)).join("")
}

function number(value: number): string {
  return value.toLocaleString("en-US")
}
