import type { MembersQuery, Page, Second } from "./source.ts"
import type { WindowReading } from "./window.ts"

/** A reading that may be cut. */
export type Cuttable = { readonly reading: WindowReading }

/** A question for the single row at a quantile of what a reading has left: its second is where to cut. */
export type Probe<T extends Cuttable> = {
  readonly task: T
  readonly query: MembersQuery
  /** Of the question that proves the filters: the second that its row must have. */
  readonly proves?: Second
}

type Cut<T extends Cuttable> = { readonly task: T; readonly second: Second }

export type Cutter<T extends Cuttable> = {
  /** What to ask with so many requests to spare, to cut the longest of the readings; nothing where none is worth it. */
  probes(tasks: readonly T[], spare: number): Probe<T>[]
  /** Takes an answer. The cuts that may be made now. */
  receive(probe: Probe<T>, page: Page): Cut<T>[]
}

/** Each part must have so many pages, besides the one under way, or a cut is not worth its question. */
const MIN_PAGES = 1.5
/** So many seconds without their row, and Mailchimp's filters are not what they were. One row may have left. */
const MAX_DOUBTS = 3

/**
 * Finds out where to cut readings, so that they can be read side by side. It relies on two facts that Mailchimp does not
 * document: `since_last_changed` is exclusive and `before_last_changed` inclusive, so that two windows meet without a gap.
 * Therefore nothing is cut before a second of which a row was delivered, asked for by both filters, has brought a row.
 */
export function createCutter<T extends Cuttable>(): Cutter<T> {
  let filters: "unknown" | "asked" | "proven" | "refuted" = "unknown"
  let doubts = 0
  let held: Cut<T>[] = []
  /** The upper bound that a reading had when it was probed: while it has it, another probe would tell the same. */
  let probed = new WeakMap<T, { readonly until: Second | undefined }>()

  return { probes, receive }

  function probes(tasks: readonly T[], spare: number): Probe<T>[] {
    if (filters === "refuted") return []
    const fresh = tasks.filter((task) => {
      const last = probed.get(task)
      return !last || last.until !== task.reading.until()
    })
    const task = fresh.toSorted((a, b) => pagesLeft(b) - pagesLeft(a))[0]
    const question = task?.reading.question()
    const rest = task?.reading.rest()
    if (!task || !question || !rest || question.query.since === undefined || question.query.offset > 0)
      return []
    const cuts = Math.min(spare, Math.floor((pagesLeft(task) - 1) / MIN_PAGES))
    if (cuts < 1) return []

    probed.set(task, { until: task.reading.until() })
    // The reading keeps one page more than the others, as it goes on meanwhile. The last part has one less where the proof
    // takes the place of its probe, which has to wait.
    const isProof = filters === "unknown"
    const share = (rest.rows - (isProof ? 0 : rest.pageRows)) / (cuts + 1)
    const quantiles = Array.from({ length: cuts }, (_, index) => ({
      task,
      query: { ...question.query, offset: Math.round(rest.pageRows + share * (index + 1)), count: 1 },
    }))
    if (!isProof) return quantiles
    filters = "asked"
    const proves = question.query.since + 1
    return [{ task, query: { ...question.query, before: proves, count: 1 }, proves }, ...quantiles]
  }

  function receive({ task, proves }: Probe<T>, page: Page): Cut<T>[] {
    const second = page.length > 0 ? page.second(0) : undefined
    if (proves !== undefined) return receiveProof(second === proves)
    if (second === undefined) return []
    if (filters === "proven") return [{ task, second }]
    held.push({ task, second })
    return []
  }

  function receiveProof(isProof: boolean): Cut<T>[] {
    const cuts = isProof ? held : []
    if (!isProof) doubts += 1
    filters = isProof ? "proven" : doubts < MAX_DOUBTS ? "unknown" : "refuted"
    held = []
    if (!isProof) probed = new WeakMap()
    return cuts
  }
}

function pagesLeft({ reading }: Cuttable): number {
  const rest = reading.rest()
  return rest ? rest.rows / rest.pageRows : 0
}
