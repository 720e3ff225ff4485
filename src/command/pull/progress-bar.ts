import type { WaitingFor } from "../../client/types.ts"

/** How far an export is. */
export type Shown = {
  readonly rows: number
  readonly estimate: number
  /** Rows a second since the begin. */
  readonly rate: number
  readonly waitingFor: WaitingFor | undefined
}

const waits = {
  permit: "waits for a free connection to Mailchimp",
  rate_limit: "waits for Mailchimp's rate limit",
  mailchimp: "waits for Mailchimp",
} as const

const widestBar = 30
const narrowestBar = 10

/**
 * One line: how far, how fast, how long, and what it waits for. Parts that do not fit are left out, the least useful first.
 *
 * @param width how many characters fit; 0 for a line without a bar, of any length
 */
export function progressBar(shown: Shown, width: number): string {
  const { rows, estimate } = shown
  const candidates = toTexts(shown)
  if (width === 0) return candidates[0] ?? ""
  const text = candidates.find(({ length }) => length <= width) ?? ""
  const room = Math.min(widestBar, width - text.length - 2)
  if (estimate === 0 || room < narrowestBar) return text
  const filled = Math.round(Math.min(1, rows / estimate) * room)
  return `${"█".repeat(filled)}${"░".repeat(room - filled)}  ${text}`
}

/** The same in ever fewer characters. */
function toTexts({ rows, estimate, rate, waitingFor }: Shown): string[] {
  if (estimate === 0 && rows === 0) return ["Waiting for the service", "Waiting"]
  const percent = estimate > 0 ? `${Math.floor(Math.min(1, rows / estimate) * 100)}%` : ""
  const count = estimate > 0 ? `${number(rows)} of about ${number(estimate)}` : `${number(rows)} members`
  const speed = rate > 0 ? `${number(rate)}/s` : ""
  const left = rate > 0 && estimate > rows ? `${duration((estimate - rows) / rate)} left` : ""
  const wait = waitingFor ? waits[waitingFor] : ""
  return [
    [percent, count, speed, left, wait],
    [percent, number(rows), speed, left, wait],
    [percent, number(rows), wait || left],
    [percent, number(rows)],
    [percent || number(rows)],
  ].map((parts) => parts.filter((text) => text !== "").join("  "))
}

/** Cuts what does not fit. */
export function fit(text: string, width: number): string {
  return text.slice(0, Math.max(0, width))
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds)
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}

function two(value: number): string {
  return String(value).padStart(2, "0")
}

function number(value: number): string {
  return Math.round(value).toLocaleString("en-US")
}
