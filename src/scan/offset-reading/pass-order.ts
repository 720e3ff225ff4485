/** What identifies a row: its key, because its bytes may change without its date, or its bytes if it has no key. */
export type ShownRow = { readonly text: string; readonly hasKey: boolean }

/** What a page of a pass showed. `isEnd`: it is the last page. */
export type ShownPage = {
  readonly offset: number
  readonly rows: readonly ShownRow[]
  readonly isEnd: boolean
}

/** The highest accepted probability that rows in no fixed order look as if they had one. */
const CHANCE = 1e-9

/** The rows from first to last, if the pages leave no gap provided that tied rows keep their order. */
export function joinPages(pass: readonly ShownPage[]): readonly ShownRow[] | undefined {
  const pages = pass.toSorted((a, b) => a.offset - b.offset)
  const [first] = pages
  if (first?.offset !== 0 || pages.at(-1)?.isEnd !== true) return undefined
  const most = pages.reduce((sum, { rows }) => sum + rows.length, 0)
  // If this many rows had no order, a page would begin with the shared ones with a probability of 1 / rows ** common.
  const common = Math.ceil(Math.log(1 / CHANCE) / Math.log(Math.max(2, most)))
  const joined = [...first.rows]
  let before = first
  for (const page of pages.slice(1)) {
    const shared = countShared(before, page)
    if (shared < common) return undefined
    for (const row of page.rows.slice(shared)) joined.push(row)
    before = page
  }
  const seen = new Set<string>()
  return joined.filter(({ text, hasKey }) => !hasKey || (!seen.has(text) && seen.add(text)))
}

/** Whether the later pass shows exactly the rows that stayed, in the order of the previous pass. */
export function isOneOrder(before: readonly ShownRow[], after: readonly ShownRow[]): boolean {
  const there = new Set(after.map(({ text }) => text))
  const stayed = before.filter(({ text }) => there.has(text))
  return stayed.length === after.length && stayed.every(({ text }, index) => text === after[index]?.text)
}

/**
 * A hash of a pass's rows by position, if every position was shown and all responses have the same total. Undefined if all
 * rows have keys as well, because these can be counted.
 */
export function hashOfPositions(pass: readonly ShownPage[], totals: readonly number[]): string | undefined {
  const [total = 0] = totals
  const textAt = new Map<number, string>()
  for (const { offset, rows } of pass) rows.forEach(({ text }, index) => textAt.set(offset + index, text))
  const texts = Array.from({ length: total }, (_, position) => textAt.get(position))
  const isSteady =
    totals.every((other) => other === total) && textAt.size === total && !texts.includes(undefined)
  return isSteady && pass.some(({ rows }) => rows.some(({ hasKey }) => !hasKey))
    ? Bun.hash(texts.join("\n")).toString()
    : undefined
}

/** How many rows at the start of a page are the last rows of the previous page; 0 if the pages do not join. */
function countShared(before: ShownPage, after: ShownPage): number {
  const head = after.rows[0]?.text
  const start = before.rows.findIndex(({ text }) => text === head)
  const isOnly = start === before.rows.findLastIndex(({ text }) => text === head)
  // Identical rows do not show where the page begins, but its offset does if no row has left meanwhile.
  const shared = before.rows.slice(isOnly ? start : after.offset - before.offset)
  const isShared = shared.every(({ text }, index) => text === after.rows[index]?.text)
  return start !== -1 && isShared ? shared.length : 0
}
