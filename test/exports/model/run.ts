import { countRows } from "../../../src/exports/delivery.ts"
import { type ListResult, scan } from "../../../src/exports/scan.ts"
import { Broken, type Replica, judgeList, receive } from "./judge.ts"
import { createModelMailchimp } from "./mailchimp.ts"
import { createRandom } from "./random.ts"
import { MARGIN_S, randomLists, randomSettings, startChurn } from "./schedule.ts"
import { createVirtualTime } from "./virtual-time.ts"

/**
 * Exports lists of a model of Mailchimp, all of it made up from the seed, and checks the promise to the letter.
 *
 * @returns how many lists ended short: a schedule may be so bad that nothing better is possible
 */
export async function runSchedule(seed: number): Promise<number> {
  const random = createRandom(seed)
  const start = 1_700_000_000 + random.next()
  const time = createVirtualTime(start)
  const settings = randomSettings(random)
  const mailchimp = createModelMailchimp(randomLists(random, start), settings, random, time)
  startChurn(mailchimp, random, time)
  const consumerS = random.pick([0, 0, 0.1, 3])

  const replica: Replica = new Map()
  const results: ListResult[] = []
  const onListEnd = (result: ListResult) => void results.push(result)
  let rows = 0
  await time.run(exportAll())
  judge()
  return results.filter(({ isShort }) => isShort).length

  async function exportAll() {
    const listIds = mailchimp.lists.map(({ id }) => id)
    const { signal } = new AbortController()
    for await (const delivery of scan({ listIds, marginS: MARGIN_S, onListEnd }, mailchimp, signal)) {
      receive(replica, delivery, mailchimp)
      rows += countRows(delivery.ranges)
      if (consumerS > 0) await time.sleepUntil(time.now() + random.between(0, consumerS))
    }
  }

  function judge() {
    for (const [index, list] of mailchimp.lists.entries()) {
      const result = results[index]
      if (result?.listId !== list.id) throw new Broken(`No result for ${list.id}`)
      if (!result.isShort) judgeList(replica, list, result.asOf)
    }
    const fewest = mailchimp.lists.length + rows / (settings.pageSize - 1)
    if (mailchimp.answers() > 100 + 20 * fewest) {
      throw new Broken(`Too many questions: ${mailchimp.answers()}, where ${Math.ceil(fewest)} could do`)
    }
  }
}
