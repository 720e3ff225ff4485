import { expect, test } from "bun:test"
import { planExport } from "../../src/exports/plan.ts"
import { addText } from "../../src/lib/id-sum.ts"
import { createFixedAllowance } from "../../src/mailchimp/limiter/allowance.ts"
import { createLimiter } from "../../src/mailchimp/limiter/limiter.ts"
import type { ListResult } from "../../src/scan/list-scan.ts"
import { createScan } from "../../src/scan/scan.ts"
import type { MembersQuery, Source } from "../../src/scan/source.ts"
import { momentOf } from "../support/members.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"
import { createRandom } from "./model/random.ts"

const START = 1_700_000_000
/** The second of an import, which all members have. */
const IMPORTED = START - 5000
const PAGE_ROWS = 1000

/**
 * Exports a list whose members all have one second, while another import changes them in the order of the first one: each
 * change moves the first member to the current second.
 */
async function exportDuringImport({
  rows,
  changesPerS,
  seed,
}: Record<"rows" | "changesPerS" | "seed", number>) {
  const random = createRandom(seed)
  const clock = createVirtualClock(START * 1000)
  const nowS = () => clock.now() / 1000
  const allowance = createFixedAllowance({ permits: 10, ratePerSecond: 10 })
  const flow = createLimiter({ allowance, clock }).join()
  const { signal } = new AbortController()
  const secondOf = (member: number) => {
    const changedAt = START + member / changesPerS
    return changedAt <= nowS() ? Math.floor(changedAt) : IMPORTED
  }

  const select = ({ since = -Infinity, before = Infinity, offset, direction }: MembersQuery) => {
    const members = Array.from({ length: rows }, (_, id) => ({ id, second: secondOf(id) }))
      .filter(({ second }) => second > since && second <= before)
      .toSorted((a, b) => a.second - b.second || a.id - b.id)
    if (direction === "DESC") members.reverse()
    return { totalItems: members.length, shown: members.slice(offset, offset + PAGE_ROWS) }
  }

  const source: Source = {
    now: () => momentOf(Math.floor(nowS())),
    spare: flow.spare,
    waitUntil: (second, maxS) => clock.sleep(Math.min(maxS, Math.max(0, second - nowS())) * 1000),
    pause: (seconds) => clock.sleep(seconds * 1000),
    read: async (query) => {
      using permit = await flow.acquire(signal)
      const sentAt = momentOf(Math.floor(nowS()))
      await clock.sleep(random.between(60, 300))
      const { totalItems, shown } = select(query)
      permit.succeeded()
      const id = (index: number) => String(shown[index]?.id)
      const second = (index: number) => shown[index]?.second
      return {
        length: shown.length,
        id,
        second,
        status: () => undefined,
        fingerprint: (index) => `${id(index)} ${second(index)}`,
        addIds: (sum, start, end) => {
          for (let index = start; index < end; index += 1) addText(sum, id(index))
        },
        bytes: () => new Uint8Array(),
        release: () => {},
        totalItems,
        count: query.count ?? PAGE_ROWS,
        sentAt,
      }
    },
  }

  const delivered = new Set<string | undefined>()
  const results: ListResult[] = []
  const exportAll = async () => {
    const options = { ...planExport(["a"], {}, START - 20), marginS: 10 }
    const scan = createScan({ ...options, onListEnd: (result) => void results.push(result) }, source, signal)
    for await (const item of scan.pages()) {
      if (!("ranges" in item)) continue
      for (const { start, end } of item.ranges)
        for (let index = start; index < end; index += 1) delivered.add(item.page.id(index))
    }
  }
  await clock.settle(exportAll())
  return { members: delivered.size, isShort: results[0]?.isShort, isReadAgain: results[0]?.isReadAgain }
}

test.each([15, 40])(
  "a tied second does not end short while an import changes it at %d members a second",
  async (changesPerS) => {
    for (let seed = 1; seed <= 4; seed += 1) {
      const result = await exportDuringImport({ rows: 3000, changesPerS, seed })
      expect(result).toEqual({ members: 3000, isShort: false, isReadAgain: false })
    }
  },
)
