import { memberIdOf, writeTime, type Json, type Member, type MemberStatus } from "./member.ts"

/**
 * The input of a new member's row. Omitted values become those of a contact about which Mailchimp knows little.
 * Any `id` may be given; `id: undefined` makes a row without an id.
 */
export type MemberInput = {
  /** Empty or null for a contact without an address, whose id is empty. */
  email_address: string | null
  status?: MemberStatus
  merge_fields?: Record<string, Json>
  /** Any other key of a row, written as given. */
  [key: string]: Json | undefined
}

/**
 * A complete row, its keys in the order of the wire.
 *
 * @param webId a number that grows by one for each member
 * @param at when the member joined, in ms
 */
export function createMember(input: MemberInput, listId: string, webId: number, at: number): Member {
  const time = writeTime(at)
  const { FNAME = "", LNAME = "" } = input.merge_fields ?? {}
  const address = input.email_address ?? ""
  const hash = memberIdOf(address === "" ? `${listId} ${webId}` : address)
  const tags = Array.isArray(input["tags"]) ? input["tags"] : []
  const member: Member = {
    id: address === "" ? "" : hash,
    email_address: address,
    unique_email_id: uniqueEmailIdOf(hash),
    // Differs in each list, as web_id does.
    contact_id: `${listId}${webId.toString(16).padStart(8, "0")}${hash.slice(0, 14)}`,
    full_name: FNAME && LNAME ? `${FNAME} ${LNAME}` : `${FNAME}${LNAME}`,
    web_id: webId,
    email_type: "html",
    status: "subscribed",
    unsubscribe_reason: undefined,
    consents_to_one_to_one_messaging: true,
    sms_phone_number: undefined,
    sms_subscription_status: undefined,
    sms_subscription_last_updated: undefined,
    merge_fields: {},
    interests: undefined,
    stats: { avg_open_rate: 0, avg_click_rate: 0 },
    ip_signup: "",
    timestamp_signup: "",
    ip_opt: "198.51.100.7",
    timestamp_opt: time,
    member_rating: 2,
    last_changed: time,
    language: "",
    vip: false,
    email_client: "",
    location: noLocation,
    marketing_permissions: undefined,
    last_note: undefined,
    source: "API - Generic",
    tags_count: tags.length,
    tags: [],
    list_id: listId,
  }
  // A row shows at most 50 tags, but counts all of them.
  const kept = {
    list_id: listId,
    tags: tags.slice(0, 50),
    merge_fields: { ...noMergeFields, ...input.merge_fields },
  }
  return Object.assign(member, input, kept)
}

/** The short id of an address, the same in every list. */
export function uniqueEmailIdOf(memberId: string): string {
  return memberId.slice(11, 21)
}

const noMergeFields = { FNAME: "", LNAME: "", ADDRESS: "", PHONE: "", BIRTHDAY: "" }

/** The location of a contact whose location is unknown. */
export const noLocation = {
  latitude: 0,
  longitude: 0,
  gmtoff: 0,
  dstoff: 0,
  country_code: "",
  timezone: "",
  region: "",
}
