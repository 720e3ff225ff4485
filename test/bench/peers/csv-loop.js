/** The SDK's loop, with the library that the service has, for CSV of Mailchimp's own columns. Arguments: API root, token, list, the fields to leave out. */
import mailchimp from "@mailchimp/mailchimp_marketing"
import { csvFormatRows } from "d3-dsv"
import { report } from "./report.js"

const [apiUrl, accessToken, listId, excludeFields] = process.argv.slice(2)
mailchimp.setConfig({ accessToken })
mailchimp.basePath = apiUrl
const tags = ["FNAME", "LNAME", "ADDRESS", "PHONE", "BIRTHDAY", "POINTS"]

await report(async (write) => {
  for (let offset = 0; ; offset += 1000) {
    const options = {
      count: 1000,
      offset,
      ...(excludeFields ? { excludeFields: excludeFields.split(",") } : {}),
    }
    const page = await mailchimp.lists.getListMembersInfo(listId, options)
    await write(csvFormatRows(page.members.map(toCells)) + "\r\n")
    if (offset + 1000 >= page.total_items) return
  }
})

function toCells(member) {
  const { location, merge_fields: values } = member
  return [
    member.email_address,
    member.sms_phone_number,
    member.sms_subscription_status,
    ...tags.map((tag) =>
      typeof values[tag] === "object" ? Object.values(values[tag]).join("  ") : values[tag],
    ),
    member.member_rating,
    member.timestamp_signup,
    member.ip_signup,
    member.timestamp_opt,
    member.ip_opt,
    location.latitude,
    location.longitude,
    location.gmtoff,
    location.dstoff,
    location.timezone,
    location.country_code,
    location.region,
    member.last_changed,
    member.web_id,
    member.unique_email_id,
    member.last_note?.note,
    member.tags.map(({ name }) => `"${name}"`).join(","),
    member.status,
    member.list_id,
  ]
}
