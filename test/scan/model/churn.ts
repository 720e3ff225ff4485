import { Broken } from "./judge.ts"
import type { List, Member, ModelMailchimp } from "./mailchimp.ts"
import type { Random } from "./random.ts"
import type { Statuses, Topic } from "./schedule.ts"
import type { VirtualTime } from "./virtual-time.ts"

/**
 * Changes the lists at random moments: up to about a tenth of their members, or half of them if that is the topic; sometimes
 * many in one second, or one member back and forth within a second, or without moving `last_changed`. Rarely, some members
 * change every second during the whole export, which must end nevertheless.
 *
 * @returns whether nothing changes at all
 */
export function startChurn(
  mailchimp: ModelMailchimp,
  random: Random,
  time: VirtualTime,
  { live }: Statuses,
  about: readonly Topic[] = [],
): boolean {
  const size = mailchimp.lists.reduce((sum, { members }) => sum + members.length, 0)
  const isAboutChurn = about.includes("churn")
  const pauseS = random.pick(isAboutChurn ? [0.1, 1, 5] : [0.02, 0.1, 1, 5, 20])
  const few = Math.ceil(size / 10)
  let left = random.pick(isAboutChurn ? [Math.ceil(size / 2)] : [0, 3, few, few + 10])
  const hotMembers = random.chance(0.3)
  const isSilent = random.chance(0.1)

  const step = () => {
    if (left <= 0) return false
    const list = random.pick(mailchimp.lists)
    const isImport = random.chance(0.05)
    for (let count = isImport ? random.int(2, 40) : 1; count > 0; count -= 1) changeOne(list)
    left -= 1
    time.at(time.now() + random.between(0, 2 * pauseS), step)
    return false
  }
  time.at(time.now() + random.between(-20, 5), step)
  const isForever = random.chance(0.003)
  if (isForever) changeForever(mailchimp.lists[0]!.members.slice(0, 25))
  return left === 0 && !isForever

  function changeForever(members: readonly Member[]): void {
    const end = time.now() + 100_000
    const changeAll = () => {
      if (time.now() > end) throw new Broken("The export never ends while members change")
      for (const member of members) mailchimp.change(member, "subscribed", random.int(0, 2))
      time.at(time.now() + 1, changeAll)
      return false
    }
    time.at(time.now(), changeAll)
  }

  function changeToAndFro(member: Member): void {
    const { status, content } = member.changes.at(-1)!
    const change = (left: number) => {
      mailchimp.change(member, status, left % 2 === 0 ? content : content + 1)
      if (left > 0) time.at(time.now() + random.between(0, 0.3), () => change(left - 1))
      return false
    }
    change(2)
  }

  function changeOne(list: List): void {
    if (list.members.length === 0 || random.chance(0.2)) {
      mailchimp.add(list, random.chance(0.1) ? "archived" : random.pick(live))
      return
    }
    const member = hotMembers
      ? list.members[random.int(0, Math.min(3, list.members.length - 1))]!
      : random.pick(list.members)
    const last = member.changes.at(-1)!
    const kind = random.pick(["edit", "edit", "edit", "archive", "unarchive", "delete"])
    const isArchived = last.status === "archived"
    if (isSilent && random.chance(0.3)) mailchimp.changeSilently(member, random.int(0, 2))
    else if (random.chance(0.1) && last.status !== "deleted") changeToAndFro(member)
    else if (last.status === "deleted") mailchimp.change(member, random.pick(live), 0)
    else if (kind === "delete") mailchimp.change(member, "deleted", 0)
    else if (kind === "archive" && !isArchived) mailchimp.change(member, "archived", last.content)
    else if (isArchived && kind !== "unarchive") mailchimp.change(member, "archived", random.int(0, 2))
    else mailchimp.change(member, random.pick(live), random.int(0, 2))
  }
}
