import { createMember, uniqueEmailIdOf, type MemberInput } from "./members/create-member.ts"
import { inventInterests, writeInterests } from "./members/interests.ts"
import { inventMember } from "./members/invent-member.ts"
import {
  memberIdOf,
  memberKeyOf,
  writeTime,
  type Json,
  type Member,
  type MemberStatus,
} from "./members/member.ts"
import { eventsOf, type ChangeSource, type MemberEvent } from "./members/member-event.ts"
import type { MemberTable } from "./members/member-table.ts"
import type { Random } from "./random.ts"
import type { List } from "./account.ts"

/**
 * What an edit may set: any key of a row except its id, its list and the time of the change. `merge_fields` are
 * merged.
 */
type MemberEdit = {
  status?: MemberStatus
  merge_fields?: Record<string, Json>
  [key: string]: Json | undefined
}

/**
 * The ways to change a list. Each change except a silent one sets `last_changed` to now. A change throws if the member
 * does not exist. `memberId` is the sandbox's key of a member (memberKeyOf): the id in its row, unless the seed chose
 * another id.
 */
export type Changes = {
  /** Without an edit, increments the merge field POINTS. */
  editMember(listId: string, memberId: string, edit?: MemberEdit, source?: ChangeSource): Member
  /**
   * Changes the row but not `last_changed`, as Mailchimp does for a renamed tag, statistics or a rating, and sends no
   * webhook. Without an edit, increments the rating.
   */
  editSilently(listId: string, memberId: string, edit?: MemberEdit): Member
  /** Deletes permanently: the member disappears from every response of the API. Only a webhook reports the deletion. */
  deleteMember(listId: string, memberId: string, source?: ChangeSource): void
  /** Without an input, adds an invented member. */
  addMember(listId: string, input?: MemberInput, source?: ChangeSource): Member
  archiveMember(listId: string, memberId: string, source?: ChangeSource): Member
  unarchiveMember(listId: string, memberId: string, source?: ChangeSource): Member
  /** Changes the address and the id, which is the hash of the address; the old id is gone. */
  changeEmail(listId: string, memberId: string, emailAddress?: string, source?: ChangeSource): Member
}

export type ChangesOptions = {
  findList: (listId: string) => List
  random: Random
  /** The time of one of Mailchimp's servers, in ms, for `last_changed`. */
  serverTime: () => number
  /** The true time, in ms, for the histories. */
  now: () => number
  announce: (list: List, events: MemberEvent[], source: ChangeSource, at: number) => void
}

export function createChanges({ findList, random, serverTime, now, announce }: ChangesOptions): Changes {
  let serial = 0

  const put = (
    { list, key, source }: { list: List; key: string; source: ChangeSource },
    member: Member,
    events: (member: Member) => MemberEvent[],
    time = serverTime(),
  ): Member => {
    const changed = Object.assign({}, member, { last_changed: writeTime(time) })
    list.table.put(key, changed, now())
    if (list.webhooks.length > 0) announce(list, events(changed), source, time)
    return changed
  }

  const edit = (listId: string, memberId: string, edit: MemberEdit, source: ChangeSource): Member => {
    const list = findList(listId)
    const { member } = findMember(list.table, memberId)
    const changed = applyEdit(member, edit)
    return put({ list, key: memberId, source }, changed, (changed) => eventsOf(member, changed))
  }

  return {
    editMember(listId, memberId, change, source = "admin") {
      const { member } = findMember(findList(listId).table, memberId)
      return edit(listId, memberId, change ?? incrementPoints(member), source)
    },
    editSilently(listId, memberId, edit) {
      const { table } = findList(listId)
      const { member } = findMember(table, memberId)
      const change = edit ?? { member_rating: (Number(member["member_rating"]) % 5) + 1 }
      const changed = applyEdit(member, { ...change, last_changed: member.last_changed })
      table.put(memberId, changed, now(), { isSilent: true })
      return changed
    },
    deleteMember(listId, memberId, source = "admin") {
      const list = findList(listId)
      const { index, member } = findMember(list.table, memberId)
      list.table.remove(index, now())
      announce(list, [{ type: "unsubscribe", member, action: "delete" }], source, serverTime())
    },
    addMember(listId, input, source = "admin") {
      const list = findList(listId)
      const time = serverTime()
      const row = input
        ? { ...writeInterests(list.interestCategories), ...input }
        : {
            ...inventMember(random, 1_000_000_000 + serial),
            ...inventInterests(random, list.interestCategories),
          }
      const member = createMember(row, listId, 700_000_000 + serial++, time)
      const key = memberKeyOf(member)
      if (hasMember(list.table, key)) {
        throw new RangeError(`Cannot add the member because the list already has it: ${member.email_address}`)
      }
      return put({ list, key, source }, member, (member) => [{ type: "subscribe", member }], time)
    },
    archiveMember: (listId, memberId, source = "admin") =>
      edit(listId, memberId, { status: "archived" }, source),
    unarchiveMember: (listId, memberId, source = "admin") =>
      edit(listId, memberId, { status: "subscribed" }, source),
    changeEmail(listId, memberId, emailAddress = `moved.${serial++}@example.com`, source = "admin") {
      const list = findList(listId)
      const { index, member } = findMember(list.table, memberId)
      const key = memberIdOf(emailAddress)
      if (hasMember(list.table, key)) {
        throw new RangeError(`Cannot change the address because another member has it: ${emailAddress}`)
      }
      list.table.remove(index, now())
      const moved = Object.assign({}, member, {
        // An id that was not the hash of the address does not change.
        id: member.id === memberId ? key : member.id,
        email_address: emailAddress,
        unique_email_id: uniqueEmailIdOf(key),
      })
      // In the order that was recorded.
      return put({ list, key, source }, moved, (changed) => [
        { type: "profile", member: changed },
        { type: "upemail", member: changed, oldEmail: member.email_address },
      ])
    },
  }
}

function incrementPoints(member: Member): MemberEdit {
  const points = member.merge_fields["POINTS"]
  return { merge_fields: { POINTS: (typeof points === "number" ? points : 0) + 1 } }
}

function hasMember(table: MemberTable, key: string): boolean {
  const index = table.find(key)
  return index !== undefined && table.latest(index)?.status !== "gone"
}

function applyEdit(member: Member, edit: MemberEdit): Member {
  const merge_fields = { ...member.merge_fields, ...edit.merge_fields }
  return Object.assign({}, member, edit, { merge_fields, id: member.id, list_id: member.list_id })
}

function findMember(table: MemberTable, memberId: string): { index: number; member: Member } {
  const index = table.find(memberId)
  const version = index === undefined ? undefined : table.latest(index)
  if (index === undefined || !version || version.status === "gone") {
    throw new RangeError(`Cannot find the member in the list: ${memberId}`)
  }
  return { index, member: table.member(version) }
}
