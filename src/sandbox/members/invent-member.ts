import type { Random } from "../random.ts"
import { noLocation, type MemberInput } from "./create-member.ts"
import { writeTime, type Json } from "./member.ts"

/** A realistic contact: number `serial` of a list, so that no two contacts have the same address. */
export function inventMember(random: Random, serial: number): MemberInput {
  const first = random.pick(firstNames)
  const last = random.pick(lastNames)
  const place = random.pick(places)
  const rate = Math.floor(random.next() * 10_000) / 10_000
  const address = random.chance(0.12) ? inventAddress(random, place) : ""
  const tags = inventTags(random)
  const name = `${first.mail}.${last.mail}`
  return {
    // Occasionally in mixed case: the id is the hash of the lower case, but the row keeps the original spelling.
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

/** The keys of a contact whose phone number for text messages was once requested. */
export function inventSms(random: Random, at: number): Record<string, Json> {
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
const tagNames = ["Customer", "Newsletter", "VIP \u{1f31f}", "Trade fair 2024", "Lead", "Beta tester"]
