import type { ExportReport } from "./check-export.ts"

/** What the demo prints, line by line. */
export type DemoOutput = {
  say(line: string): void
  /** A progress bar on a terminal; otherwise a line for every 5,000 rows. */
  startProgress(estimate: number): { show(rows: number): void; end(): void }
  summarize(summary: DemoSummary): void
}

type DemoSummary = {
  readonly rows: number
  readonly durationMs: number
  readonly requests: number
  readonly peakBytes: number
  readonly made: { readonly edits: number; readonly deletions: number; readonly additions: number }
  readonly file: string
  readonly report: ExportReport
}

type Terminal = { readonly isTTY?: boolean; write(text: string): unknown }

export function createDemoOutput(stdout: Terminal): DemoOutput {
  const say = (line: string) => void stdout.write(`${line}\n`)
  const row = (name: string, value: string) => say(`  ${name.padEnd(20)}${value}`)
  return {
    say,
    startProgress: (estimate) =>
      stdout.isTTY ? startBar(estimate, (text) => stdout.write(text)) : startLines(estimate, say),
    summarize({ rows, durationMs, requests, peakBytes, made, file, report }) {
      say(`Exported            ${number(rows)} rows in ${(durationMs / 1000).toFixed(1)} s`)
      row(
        "rate",
        `${number(rows / (durationMs / 1000))} rows a second, at Mailchimp's pace of ten requests a second`,
      )
      row("upstream requests", number(requests))
      row("peak memory", `${number(peakBytes / 2 ** 20)} MB, the service's process`)
      row(
        "meanwhile changed",
        `${made.edits} edits, ${made.deletions} deletions, ${made.additions} additions`,
      )
      row("file", file)
      say(`Checked             ${number(report.members)} members who were there from the start to the end`)
      row("missing", number(report.missing))
      row("stale", number(report.stale))
      row("older after newer", number(report.backwards))
      row("not Mailchimp's", number(report.foreign))
      say(isExact(report) ? "Every member is there." : "The export is NOT exact.")
    },
  }
}

export function isExact({ missing, stale, backwards, foreign }: ExportReport): boolean {
  return missing + stale + backwards + foreign === 0
}

function startBar(estimate: number, write: (text: string) => void) {
  return {
    show: (rows: number) => {
      const filled = Math.min(30, Math.round((rows / Math.max(1, estimate)) * 30))
      const bar = "█".repeat(filled) + "░".repeat(30 - filled)
      write(`\rExporting           ${bar} ${progressOf(rows, estimate)} `)
    },
    end: () => write("\n"),
  }
}

function startLines(estimate: number, say: (line: string) => void) {
  let shown = 0
  return {
    show: (rows: number) => {
      if (rows - shown < 5000) return
      shown = rows
      say(`  ${progressOf(rows, estimate)}`)
    },
    end: () => {},
  }
}

function progressOf(rows: number, estimate: number): string {
  return `${number(rows)} of about ${number(estimate)}`
}

function number(value: number): string {
  return Math.round(value).toLocaleString("en-US")
}
