import { type Column, fieldColumn, writeField } from "./columns.ts"
import { type Fields, fieldAt } from "./fields.ts"
import { hasBytes } from "./has-bytes.ts"
import { createTagsColumn } from "./tags-column.ts"
import { createTextReader, toCell, toTimeCell } from "./values.ts"

const T = 0x54
const BLANK = Buffer.from(" ")
const UTC = Buffer.from("+00:00")
const DATE_LENGTH = "2016-04-18".length
const TIME_LENGTH = "2016-04-18T13:51:14".length

/**
 * The columns of Mailchimp's own export before the merge fields. No request tells whether a list has contacts for text messages
 * before all of its members are read, so the columns for them are always there.
 */
export const firstFields = [
  ["Email Address", "email_address"],
  ["SMS Phone Number", "sms_phone_number"],
  ["SMS_MARKETING_STATUS", "sms_subscription_status"],
] as const

export function createFirstColumns(member: Fields): Column[] {
  return firstFields.map(([name, field]) => fieldColumn(member, name, field, toCell))
}

/** The columns of Mailchimp's own export between the interests and the location. */
export function createSignupColumns(member: Fields): Column[] {
  return [
    fieldColumn(member, "MEMBER_RATING", "member_rating", toCell),
    createTimeColumn(member, "OPTIN_TIME", "timestamp_signup"),
    fieldColumn(member, "OPTIN_IP", "ip_signup", toCell),
    createTimeColumn(member, "CONFIRM_TIME", "timestamp_opt"),
    fieldColumn(member, "CONFIRM_IP", "ip_opt", toCell),
  ]
}

/** The columns of Mailchimp's own export after the location, and three that it does not have. */
export function createLastColumns(
  member: Fields,
  lists: readonly { readonly id: string; readonly name: string }[],
): Column[] {
  const listNames = new Map(lists.map(({ id, name }) => [id, name]))
  const readListName = createTextReader(fieldAt(member, ["list_id"]), (id) => listNames.get(id) ?? "")
  return [
    createTimeColumn(member, "LAST_CHANGED", "last_changed"),
    fieldColumn(member, "LEID", "web_id", toCell),
    fieldColumn(member, "EUID", "unique_email_id", toCell),
    fieldColumn(member, "NOTES", "last_note.note", toCell),
    createTagsColumn(member),
    fieldColumn(member, "STATUS", "status", toCell),
    fieldColumn(member, "LIST_ID", "list_id", toCell),
    {
      name: "LIST_NAME",
      field: "list_id",
      writeCell: (json, row) => row.addRepeated(readListName(json)),
    },
  ]
}

/** A time as {@link toTimeCell} writes it, which takes longer. */
function createTimeColumn(member: Fields, name: string, fieldName: string): Column {
  const field = fieldAt(member, [fieldName])
  return {
    name,
    field: fieldName,
    writeCell: (json, row) => {
      const start = field.start + 1
      if (field.kind !== "text" || !isUtcTime(json, start, field.end - 1))
        return writeField(json, field, toTimeCell, row)
      row.copyText(json, start, start + DATE_LENGTH)
      row.copy(BLANK, 0, 1)
      row.copy(json, start + DATE_LENGTH + 1, start + TIME_LENGTH)
    },
  }
}

/** Whether the text from `start` on has a time with Mailchimp's usual zone. */
function isUtcTime(json: Buffer, start: number, end: number): boolean {
  return (
    end - start === TIME_LENGTH + UTC.length &&
    json[start + DATE_LENGTH] === T &&
    hasBytes(json, start + TIME_LENGTH, UTC)
  )
}
