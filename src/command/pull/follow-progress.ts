import type { Output } from "../terminal.ts"
import { barWidth, clearLine } from "./progress.ts"
import { fit } from "./progress-bar.ts"
import { toTime } from "./summary.ts"

/** Shows a person whether the output is in sync. */
export type FollowProgress = {
  /** @param changes how many lines were appended */
  inSync(asOf: string | undefined, changes: number): void
  note(sentence: string): void
  end(): void
}

/** One line that stays current on a terminal. Elsewhere the first one, because nothing may happen for days. */
export function createFollowProgress(
  output: Output,
  { isBar, isSilent }: { readonly isBar: boolean; readonly isSilent: boolean },
): FollowProgress {
  let isFirst = true
  const write = (text: string) => void (isSilent || output.write(text).catch(() => {}))
  return {
    inSync: (asOf, changes) => {
      const time = asOf === undefined ? "" : ` as of ${toTime(asOf)}`
      const text = `In sync${time}, ${changes.toLocaleString("en-US")} ${changes === 1 ? "change" : "changes"}. Ctrl-C ends`
      if (isBar) write(clearLine + fit(text, barWidth(output)))
      else if (isFirst) write(`${text}\n`)
      isFirst = false
    },
    note: (sentence) => write(`${isBar ? clearLine : ""}${sentence}\n`),
    end: () => {
      if (isBar) write(clearLine)
    },
  }
}
