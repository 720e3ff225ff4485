import { memberIdOf, secondsOf, writeTime, type Json, type Member } from "./member.ts"
import type { MemberStatus } from "./member.ts"
import type { Random } from "./random.ts"

/** What a new member's row is made from. Whatever is left out is what Mailchimp writes for a contact that it knows little of. */
export type MemberInput = {
  email_address: string
  status?: MemberStatus
  merge_fields?: Record<string, Json>
  /** Any other key of a row, written as given. */
  [key: string]: Json | undefined
}

/**
 * A whole row from what is known of it, its keys in the order of the wire; `at` is the time of joining in ms, `webId` a number
 * that grows by one a member.
 */
export function createMember(input: MemberInput, listId: string, webId: number, at: number): Member {
  const time = writeTime(at)
  const { FNAME = "", LNAME = "" } = input.merge_fields ?? {}
  const id = memberIdOf(input.email_address)
  const tags = Array.isArray(input["tags"]) ? input["tags"] : []
  const member: Member = {
    id,
    email_address: input.email_address,
    unique_email_id: uniqueEmailIdOf(id),
    // Another one in each list, as web_id is.
    contact_id: `${listId}${webId.toString(16).padStart(8, "0")}${id.slice(0, 14)}`,
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
  // A row shows at most 50 tags and counts them all.
  const kept = {
    id,
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

const noLocation = {
  latitude: 0,
  longitude: 0,
  gmtoff: 0,
  dstoff: 0,
  country_code: "",
  timezone: "",
  region: "",
}

/** A believable contact: number `serial` of a list, so that no two have the same address. */
export function inventMember(random: Random, serial: number): MemberInput {
  const first = random.pick(firstNames)
  const last = random.pick(lastNames)
  const place = random.pick(places)
  const rate = Math.floor(random.next() * 10_000) / 10_000
  const address = random.chance(0.12) ? inventAddress(random, place) : ""
  const tags = inventTags(random)
  const name = `${first.mail}.${last.mail}`
  return {
    // Now and then in mixed case: the id is made of the lower case, the row keeps what was typed.
    email_address: `${random.chance(0.03) ? name.toUpperCase() : name}.${serial.toString(36)}@${random.pick(domains)}`,
    merge_fields: {
      FNAME: first.name,
      LNAME: random.chance(0.1) ? "" : last.name,
      ADDRESS: address,
      PHONE: random.chance(0.2) ? `+44 7700 900${100 + random.integer(900)}` : "",
      BIRTHDAY: random.chance(0.2) ? `0${1 + random.integer(9)}/${10 + random.integer(19)}` : "",
      POINTS: random.chance(0.5) ? random.integer(5000) : "",
    },
    email_type: random.chance(0.05) ? "text" : "html",
    stats: { avg_open_rate: rate, avg_click_rate: Math.floor(rate * 3_000) / 10_000 },
    member_rating: 1 + random.integer(5),
    language: random.chance(0.7) ? place.language : "",
    vip: random.chance(0.02),
    email_client: random.chance(0.2) ? random.pick(emailClients) : "",
    location: random.chance(0.15) ? place.location : noLocation,
    source: random.pick(sources),
    tags_count: tags.length,
    tags: tags.slice(0, 50),
  }
}

function inventAddress(random: Random, place: Place): Json {
  return {
    addr1: `${1 + random.integer(200)} ${random.pick(streets)}`,
    addr2: "",
    city: place.city,
    state: place.location.region,
    zip: String(10_000 + random.integer(89_999)),
    country: place.location.country_code,
  }
}

function inventSms(random: Random, at: number): Record<string, Json> {
  return {
    sms_phone_number: random.chance(0.5) ? `+1555010${1000 + random.integer(9000)}` : "",
    sms_subscription_status: random.pick(["subscribed", "nonsubscribed", ""]),
    sms_subscription_last_updated: random.chance(0.5) ? writeTime(at) : "",
  }
}

function inventTags(random: Random): { id: number; name: string }[] {
  const count = random.chance(0.002)
    ? 51 + random.integer(20)
    : random.chance(0.35)
      ? 1 + random.integer(3)
      : 0
  const first = random.integer(tagNames.length)
  return Array.from({ length: count }, (_, index) => {
    const number = first + index
    const name = tagNames[number] ?? `Segment ${number}`
    return { id: 5_199_700 + number, name }
  })
}

/** What can be asked of the seeding of a list. */
export type SeedingOptions = {
  count: number
  /** Sizes of bulk imports: each gives that many members the same `last_changed`. */
  imports: readonly number[]
  /** No member has changed after this moment, in ms. */
  until: number
}

/** Rows of a new list, oldest change first, and what an index needs of them. */
export function* generateMembers(random: Random, listId: string, options: SeedingOptions) {
  const seconds = inventSeconds(random, options)
  const webIds = 440_000_000 + random.integer(1_000_000) * 10
  for (let serial = 0; serial < options.count; serial++) {
    const changedAt = (seconds[serial] ?? 0) * 1000
    const optedInAt = changedAt - (random.chance(0.4) ? 0 : random.integer(400 * 86_400) * 1000)
    const signedUp = random.chance(0.15)
    const status = inventStatus(random)
    const member = createMember(
      {
        ...inventMember(random, serial),
        status,
        ...(status === "unsubscribed" ? { unsubscribe_reason: random.pick(reasons) } : {}),
        ...(random.chance(0.1) ? inventSms(random, optedInAt) : {}),
        ip_signup: signedUp ? `203.0.113.${random.integer(256)}` : "",
        timestamp_signup: signedUp ? writeTime(optedInAt - 60_000) : "",
        ip_opt: `198.51.100.${random.integer(256)}`,
        timestamp_opt: writeTime(optedInAt),
        last_changed: writeTime(changedAt),
      },
      listId,
      webIds + serial,
      optedInAt,
    )
    yield {
      id: member.id,
      row: JSON.stringify(member),
      times: {
        status,
        lastChanged: Math.floor(changedAt / 1000),
        timestampOpt: Math.floor(optedInAt / 1000),
        timestampSignup: secondsOf(member.timestamp_signup),
      },
    }
  }
}

/** Three years of changes in ascending order, with bulk imports in between. */
function inventSeconds(random: Random, { count, imports, until }: SeedingOptions): Float64Array {
  const last = Math.floor(until / 1000)
  const seconds = new Float64Array(count)
  let filled = 0
  for (const size of imports) {
    const second = last - random.integer(3 * 365 * 86_400)
    const end = Math.min(count, filled + size)
    seconds.fill(second, filled, end)
    filled = end
  }
  for (; filled < count; filled++) seconds[filled] = last - random.integer(3 * 365 * 86_400)
  return seconds.toSorted()
}

function inventStatus(random: Random): MemberStatus {
  const share = random.next()
  if (share < 0.68) return "subscribed"
  if (share < 0.8) return "unsubscribed"
  if (share < 0.85) return "cleaned"
  if (share < 0.87) return "pending"
  if (share < 0.9) return "transactional"
  return "archived"
}

type Place = {
  city: string
  language: string
  location: typeof noLocation
}

const place = (
  city: string,
  language: string,
  latitude: number,
  longitude: number,
  gmtoff: number,
  countryCode: string,
  timezone: string,
  region: string,
): Place => ({
  city,
  language,
  location: { latitude, longitude, gmtoff, dstoff: gmtoff, country_code: countryCode, timezone, region },
})

const places = [
  place("London", "en", 51.5074, -0.1278, 0, "GB", "Europe/London", "LND"),
  place("New York", "en", 40.7128, -74.006, -5, "US", "America/New_York", "NY"),
  place("São Paulo", "pt", -23.5505, -46.6333, -3, "BR", "America/Sao_Paulo", "SP"),
  place("Köln", "de", 50.9375, 6.9603, 1, "DE", "Europe/Berlin", "NW"),
  place("東京", "ja", 35.6762, 139.6503, 9, "JP", "Asia/Tokyo", "13"),
]

const called = (name: string, mail: string) => ({ name, mail })

const firstNames = [
  called("Ada", "ada"),
  called("Zoë", "zoe"),
  called("José", "jose"),
  called("Grace", "grace"),
  called("Łukasz", "lukasz"),
  called("Mary-Ann", "mary-ann"),
  called("Олена", "olena"),
  called("小雪", "xiaoxue"),
  called("Samuel", "samuel"),
  called("Ingrid", "ingrid"),
  called("Priya", "priya"),
  called('Robert "Bob"', "bob"),
]

const lastNames = [
  called("Lovelace", "lovelace"),
  called("O'Brien", "obrien"),
  called("Müller", "mueller"),
  called("Nuñez", "nunez"),
  called("van der Berg", "vanderberg"),
  called("Smith", "smith"),
  called("Коваль", "koval"),
  called("田中", "tanaka"),
  called("Hopper", "hopper"),
  called("Okafor", "okafor"),
]

const domains = ["example.com", "example.org", "example.net", "mail.example.com"]
const streets = ["High Street", "Rue de la Paix", "Hauptstraße", "5th Ave", "Avenida Paulista"]
const emailClients = ["Gmail", "Apple Mail", "Outlook 2016", "iPhone"]
const sources = ["API - Generic", "Import", "Hosted Signup Form", "Admin Add", "Embed Form"]
const reasons = ["N/A (Unsubscribed by an admin)", "Did not sign up for list", "No longer interested"]
const tagNames = ["Customer", "Newsletter", "VIP \u{1f31f}", "Trade fair 2024", "Lead", "Beta tester"]
