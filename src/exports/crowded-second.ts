import { type OpenVersions, type Selected, selectRows } from "./delivery.ts"
import { type Question, type Reading, MAX_REPEATS, pauseBefore } from "./reading.ts"
import type { MembersQuery, Page } from "./source.ts"

export type CrowdedSecond = Reading & {
  /** Whether it ended although not all rows that were counted have been seen. */
  isShort(): boolean
}

/** After so many readings from the beginning that bring no new row, no other one will. */
const MAX_PASSES_IN_VAIN = 3
/** Rows that keep leaving, or a count that never rests, must not hold the export for ever. */
const MAX_PASSES = 20
/** The part of a page that is asked for again with the next one, so that few leavers open no gap. */
const OVERLAP = 1 / 20

type Answer = { readonly total: number; ids: number }
const nothing: Answer = { total: 0, ids: 0 }

/**
 * Reads a closed second that fills a page by itself. All its rows share one `last_changed`, so nothing but an offset
 * can tell them apart, and rows that leave the second meanwhile shift the others to the left, or into a gap between two
 * pages. So it is read from the beginning again and again, until it is complete.
 *
 * It can only lose rows, so what is shown after an answer was there when that answer's total was counted. When, for any of
 * the answers, the distinct ids shown after it are as many as its total, they are all of it, in whatever order they came.
 * Who left after he was shown does not matter.
 *
 * @param query the question for just this second, (second - 1, second]
 * @param deliveredIds the ids of its rows that were delivered before; new ones are added
 */
export function createCrowdedSecond(
  query: Omit<MembersQuery, "offset">,
  deliveredIds: Set<string>,
  versions: OpenVersions,
): CrowdedSecond {
  let offset = 0
  let repeats = 0

  /** Of each id the latest answer that showed it, and of each answer how many ids it was the latest to show. */
  const latest = new Map<string, Answer>()
  const answers: Answer[] = []
  let beforePass = { total: Number.NaN, missing: Number.NaN }
  let passesInVain = 0
  let passes = 0

  let isDoubted = false
  let ended: "complete" | "short" | undefined

  return { question, receive, isShort: () => ended === "short" }

  function question(): Question | undefined {
    if (ended) return undefined
    if (isDoubted) return { query: { ...query, before: undefined, offset: 0, count: 1 } }
    return { query: { ...query, offset }, pauseS: repeats > 0 ? pauseBefore(repeats) : undefined }
  }

  function receive(page: Page): Selected {
    if (isDoubted) return receiveWithoutBefore(page)
    const ids = Array.from({ length: page.length }, (_, index) => page.id(index))
    const all = { headEnd: page.length, knownIds: deliveredIds, openStart: page.length }
    const selected = selectRows(page, page.length, all, versions)
    for (const id of ids) deliveredIds.add(id)
    note(page, ids)
    const isGone = page.length === 0 && page.totalItems === 0
    isDoubted = isGone && answers.length === 1 && query.before !== undefined
    if (isDoubted) return selected
    if (isGone || missing() === 0) ended = "complete"
    else move(page, ids)
    return selected
  }

  /** It filled a page, and now it is gone. Or else Mailchimp's `before` is not inclusive any more. */
  function receiveWithoutBefore(page: Page): Selected {
    const isThere = page.length > 0 && page.second(0) === query.before
    ended = isThere ? "short" : "complete"
    return { ranges: [], isNew: false }
  }

  function note({ totalItems }: Page, ids: readonly string[]): void {
    const answer = { total: totalItems, ids: 0 }
    answers.push(answer)
    for (const id of ids) {
      const earlier = latest.get(id)
      if (earlier) earlier.ids -= 1
      answer.ids += 1
      latest.set(id, answer)
    }
  }

  /** How many rows of an earlier answer's total were not shown by the answers after it, for the answer that lacks fewest. */
  function missing(): number {
    let fewest = Number.POSITIVE_INFINITY
    let shown = 0
    for (let index = answers.length - 1; index >= 0; index -= 1) {
      const { total, ids } = answers[index] ?? nothing
      if (shown > 0) fewest = Math.min(fewest, Math.abs(total - shown))
      shown += ids
    }
    return fewest
  }

  function move(page: Page, ids: readonly string[]): void {
    const seen = offset + ids.length
    if (ids.length === 0 ? offset > 0 : seen >= page.totalItems) return startAgain()
    const overlap = Math.min(Math.ceil(page.count * OVERLAP), Math.max(0, ids.length - 1))
    const next = seen - overlap
    if (next > offset) {
      offset = next
      repeats = 0
    } else if (repeats < MAX_REPEATS) repeats += 1
    else ended = "short"
  }

  function startAgain(): void {
    const now = { total: answers.at(-1)?.total ?? 0, missing: missing() }
    const isInVain = now.total === beforePass.total && now.missing >= beforePass.missing
    passesInVain = isInVain ? passesInVain + 1 : 0
    passes += 1
    if (passesInVain === MAX_PASSES_IN_VAIN || passes === MAX_PASSES) ended = "short"
    beforePass = now
    offset = 0
    repeats = 0
  }
}
