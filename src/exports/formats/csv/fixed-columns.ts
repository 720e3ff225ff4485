import { isRecord } from "../../../mailchimp/members/page-envelope.ts"
import type { Column, Member } from "./columns.ts"
import { ownValue, toCell, toTagsCell, toTimeCell } from "./values.ts"

/**
 * The columns of Mailchimp's own export before the merge fields. No request tells whether a list has contacts for text messages
 * before all of its members are read, so the columns for them are always there.
 */
export const firstColumns: readonly Column[] = [
  column("Email Address", "email_address"),
  column("SMS Phone Number", "sms_phone_number"),
  column("SMS_MARKETING_STATUS", "sms_subscription_status"),
]

/** The columns of Mailchimp's own export after the interests, and three that it does not have. */
export function createLastColumns(
  lists: readonly { readonly id: string; readonly name: string }[],
): Column[] {
  const listNames = new Map(lists.map(({ id, name }) => [id, name]))
  return [
    column("MEMBER_RATING", "member_rating"),
    timeColumn("OPTIN_TIME", "timestamp_signup"),
    column("OPTIN_IP", "ip_signup"),
    timeColumn("CONFIRM_TIME", "timestamp_opt"),
    column("CONFIRM_IP", "ip_opt"),
    locationColumn("LATITUDE", "latitude"),
    locationColumn("LONGITUDE", "longitude"),
    locationColumn("GMTOFF", "gmtoff"),
    locationColumn("DSTOFF", "dstoff"),
    locationColumn("TIMEZONE", "timezone"),
    locationColumn("CC", "country_code"),
    locationColumn("REGION", "region"),
    timeColumn("LAST_CHANGED", "last_changed"),
    column("LEID", "web_id"),
    column("EUID", "unique_email_id"),
    {
      name: "NOTES",
      field: "last_note.note",
      cell: ({ last_note: note }) => toCell(ownValue(note, "note")),
    },
    { name: "TAGS", field: "tags.name", cell: ({ tags }) => toTagsCell(tags) },
    column("STATUS", "status"),
    column("LIST_ID", "list_id"),
    {
      name: "LIST_NAME",
      field: "list_id",
      cell: ({ list_id: id }) => (typeof id === "string" ? listNames.get(id) : ""),
    },
  ]
}

function column(name: string, field: string): Column {
  return { name, field, cell: (member) => toCell(member[field]) }
}

function timeColumn(name: string, field: string): Column {
  return { name, field, cell: (member) => toTimeCell(member[field]) }
}

function locationColumn(name: string, key: string): Column {
  const cell = ({ location }: Member) =>
    isRecord(location) && isKnown(location) ? toCell(location[key]) : ""
  return { name, field: `location.${key}`, cell }
}

/** Mailchimp's API describes an unknown location by zeros and empty texts, its own export by empty cells. */
function isKnown({ latitude, longitude, timezone, country_code: country }: Member): boolean {
  return Boolean(latitude) || Boolean(longitude) || Boolean(timezone) || Boolean(country)
}
