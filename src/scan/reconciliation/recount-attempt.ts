import {
  type Content,
  type Direction,
  type Pass,
  type PassOptions,
  createPass,
  isSame,
} from "./recount-pass.ts"
import type { Page, Second } from "../source.ts"
import { watermarkAt } from "../watermark.ts"

type AttemptOptions = PassOptions & { readonly marginS: number }

/** Passes over the same rows, to compare them: the first in ascending order, the second in descending order. */
export type Attempt = {
  /** The pass in progress. */
  pass(): Pass
  startPass(direction: Direction, isDelivered: boolean): void
  /** Takes note of when a page of a pass was requested, and of its count. */
  observe(page: Page): void
  /** If nothing has changed after this second, all passes were of the same rows. */
  unchangedSince(): Second | undefined
  /** Mailchimp's count, which must be the same in every response; NaN if it was not. */
  totalItems(): number
  /** Whether the passes may still prove something: the count has stayed the same, and each second is from one response. */
  canProve(): boolean
  /** The number of rows of each pass. */
  rows(): number[]
  /**
   * What to do after a pass. `compare`: there is only one pass. `again`: the passes differ. `deliver`: they show the same rows,
   * which were not delivered. `done`: they show the same rows, and these were delivered, by a pass or before.
   */
  judge(delivered: Content | undefined): "compare" | "again" | "deliver" | "done"
}

export function createAttempt(isDelivered: boolean, options: AttemptOptions): Attempt {
  const first = createPass("ASC", isDelivered, options)
  const passes = [first]
  let totalItems: number | undefined
  let unchangedSince: Second | undefined
  const last = () => passes.at(-1) ?? first
  const canProve = () => !Number.isNaN(totalItems) && !passes.some((pass) => pass.isTorn())

  return {
    pass: last,
    startPass: (direction, isDelivered) => void passes.push(createPass(direction, isDelivered, options)),
    observe: (page) => {
      unchangedSince ??= watermarkAt(page.sentAt.earliest, options.marginS)
      totalItems = (totalItems ?? page.totalItems) === page.totalItems ? page.totalItems : Number.NaN
    },
    unchangedSince: () => unchangedSince,
    totalItems: () => totalItems ?? 0,
    canProve,
    rows: () => passes.map((pass) => pass.content().rows),
    judge: (delivered) => {
      if (passes.length === 1) return "compare"
      if (!canProve()) return "again"
      // rule: a count is wrong only if both directions show the same rows
      if (!isSame(first.content(), last().content())) return "again"
      // Delivered rows that no pass shows are more probably hidden than deleted.
      if (first.content().rows === 0 && delivered !== undefined && delivered.rows > 0) return "again"
      if (passes.some(({ isDelivered }) => isDelivered)) return "done"
      // rule: the rows that both directions show were delivered, or are delivered now
      return delivered && isSame(delivered, first.requested()) ? "done" : "deliver"
    },
  }
}
