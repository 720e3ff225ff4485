import type { WaitingFor } from "../../client/types.ts"
import type { Clock } from "../../lib/time.ts"
import type { Output } from "../terminal.ts"
import { fit, progressBar } from "./progress-bar.ts"

/** Shows a person how far an export is. */
export type Progress = {
  /** @param estimate about how many members there are; 0 if unknown */
  begin(estimate: number): void
  show(rows: number, waitingFor?: WaitingFor): void
  /** A sentence that stays. */
  note(sentence: string): void
  end(): void
}

const redrawEveryMs = 100
const lineEveryMs = 5000
export const clearLine = "\r\u001B[K"

export const noProgress: Progress = { begin: () => {}, show: () => {}, note: () => {}, end: () => {} }

/** A bar if the output is a terminal that can move its cursor; otherwise a line every five seconds. */
export function createProgress(
  output: Output,
  { isBar, clock }: { readonly isBar: boolean; readonly clock: Clock },
): Progress {
  const startedMs = clock.monotonicMs()
  const timers = new AbortController()
  let [rows, estimate, firstRows] = [0, 0, -1]
  let waitingFor: WaitingFor | undefined
  let drawnAtMs = Number.NEGATIVE_INFINITY

  const write = (text: string) => void output.write(text).catch(() => {})
  const text = () => {
    const seconds = (clock.monotonicMs() - startedMs) / 1000
    const rate = seconds < 1 ? 0 : (rows - Math.max(0, firstRows)) / seconds
    const line = progressBar({ rows, estimate, rate, waitingFor }, isBar ? barWidth(output) : 0)
    return isBar ? `${clearLine}${fit(line, barWidth(output))}` : `${line}\n`
  }
  const draw = () => {
    drawnAtMs = clock.monotonicMs()
    write(text())
  }
  /** Keeps the line true while nothing arrives. */
  const tick = async (everyMs: number): Promise<void> => {
    for (;;) {
      await clock.sleep(everyMs, timers.signal)
      draw()
    }
  }
  tick(isBar ? 1000 : lineEveryMs).catch(() => {})

  return {
    begin: (members) => {
      estimate = members
    },
    show: (now, waiting) => {
      if (firstRows < 0) firstRows = now
      rows = now
      waitingFor = waiting
      if (isBar && clock.monotonicMs() - drawnAtMs >= redrawEveryMs) draw()
    },
    note: (sentence) => write(`${isBar ? clearLine : ""}${sentence}\n`),
    end: () => {
      if (timers.signal.aborted) return
      timers.abort()
      if (isBar) write(clearLine)
    },
  }
}

/** One column stays free, because some terminals wrap a line that is full. */
export function barWidth({ columns }: Output): number {
  return (columns || 80) - 1
}
