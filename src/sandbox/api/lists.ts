import type { List } from "../account.ts"
import { memberStatuses, writeTime, type Json, type MemberStatus } from "../members/member.ts"
import { selfLinks } from "./links.ts"

/** How many of the list's members have each status, as the API shows them now. */
export function countStatuses(list: List): Record<MemberStatus, number> {
  const count = (status: MemberStatus) => list.table.order("none", status).size
  const [subscribed, unsubscribed, cleaned, pending, transactional, archived] = memberStatuses.map(count)
  return {
    subscribed: subscribed ?? 0,
    unsubscribed: unsubscribed ?? 0,
    cleaned: cleaned ?? 0,
    pending: pending ?? 0,
    transactional: transactional ?? 0,
    archived: archived ?? 0,
  }
}

/** How long a list's counts are cached before they are computed again, as at Mailchimp. */
const STATS_LIFE_MS = 300_000

/** Writes lists as GET /lists does, with counts that may be five minutes old. */
export function createListWriter(now: () => number) {
  const cached = new WeakMap<List, { counts: Record<MemberStatus, number>; at: number }>()

  const countsOf = (list: List) => {
    const known = cached.get(list)
    if (known && known.at > now() - STATS_LIFE_MS) return known.counts
    const counts = countStatuses(list)
    cached.set(list, { counts, at: now() })
    return counts
  }

  return (list: List, api: string): Record<string, Json> => {
    const counts = countsOf(list)
    const { account } = list
    return {
      id: list.id,
      web_id: list.webId,
      name: list.name,
      contact: {
        company: account.accountName,
        address1: "12 St James's Square",
        address2: "",
        city: "London",
        state: "",
        zip: "SW1Y 4LB",
        country: "GB",
        phone: "",
      },
      permission_reminder: "You are receiving this email because you signed up on our website.",
      use_archive_bar: true,
      campaign_defaults: {
        from_name: account.accountName,
        from_email: account.loginEmail,
        subject: "",
        language: "en",
      },
      notify_on_subscribe: "",
      notify_on_unsubscribe: "",
      date_created: writeTime(list.createdAt),
      list_rating: 0,
      email_type_option: false,
      subscribe_url_short: `http://eepurl.com/${list.id.slice(0, 6)}`,
      subscribe_url_long: `https://example.${account.dc}.list-manage.com/subscribe?id=${list.id}`,
      beamer_address: `${account.dc}-${list.id}@inbound.mailchimp.com`,
      visibility: "prv",
      double_optin: false,
      has_welcome: false,
      marketing_permissions: false,
      modules: [],
      stats: {
        // Only subscribed members, not the number of rows that /members returns.
        member_count: counts.subscribed,
        unsubscribe_count: counts.unsubscribed,
        cleaned_count: counts.cleaned,
        member_count_since_send: 0,
        unsubscribe_count_since_send: 0,
        cleaned_count_since_send: 0,
        campaign_count: 1,
        campaign_last_sent: writeTime(list.campaignLastSent),
        merge_field_count: list.mergeFields.length,
        avg_sub_rate: 0,
        avg_unsub_rate: 0,
        target_sub_rate: 0,
        open_rate: 0,
        click_rate: 0,
        last_sub_date: "",
        last_unsub_date: "",
      },
      _links: selfLinks(`${api}/lists/${list.id}`, `${api}/lists`),
    }
  }
}

/** A page of lists without end: the existing lists repeated, or with new ids each time. */
export function repeatLists(
  lists: readonly Record<string, Json>[],
  offset: number,
  count: number,
  kind: "new" | "repeated",
): Record<string, Json>[] {
  return Array.from({ length: lists.length === 0 ? 0 : count }, (_, index) => {
    const number = kind === "new" ? offset + index : index
    const list = lists[number % lists.length] ?? {}
    return kind === "new" ? { ...list, id: number.toString(16).padStart(10, "0") } : list
  })
}
