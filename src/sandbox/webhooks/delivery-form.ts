import type { Json, Member } from "../members/member.ts"
import type { MemberEvent } from "../members/member-event.ts"

/** The form that Mailchimp posts: `type`, `fired_at` and `data[…]`. */
export function writeDeliveryForm(event: MemberEvent, at: number): string {
  const form = new URLSearchParams({
    type: event.type,
    fired_at: new Date(at).toISOString().slice(0, 19).replace("T", " "),
  })
  for (const [name, value] of Object.entries(dataOf(event))) appendField(form, `data[${name}]`, value)
  return form.toString()
}

function dataOf(event: MemberEvent): Record<string, Json> {
  const { member } = event
  switch (event.type) {
    case "subscribe":
    case "profile":
      return profileOf(member)
    case "unsubscribe":
      return { ...profileOf(member), action: event.action, reason: "manual", campaign_id: "" }
    case "upemail":
      return {
        list_id: member.list_id,
        new_id: member.unique_email_id,
        new_email: member.email_address,
        old_email: event.oldEmail,
      }
    case "cleaned":
      return { list_id: member.list_id, campaign_id: "", reason: "hard", email: member.email_address }
  }
}

/** `data[id]` is the short id of the address, not the MD5 that the API calls id. */
function profileOf(member: Member): Record<string, Json> {
  return {
    id: member.unique_email_id,
    list_id: member.list_id,
    email: member.email_address,
    email_type: member.email_type,
    ip_opt: member.ip_opt,
    ip_signup: member.ip_signup,
    web_id: member.web_id,
    merges: { EMAIL: member.email_address, ...member.merge_fields },
  }
}

function appendField(form: URLSearchParams, name: string, value: Json): void {
  if (value !== null && typeof value === "object") {
    for (const [key, inner] of Object.entries(value)) appendField(form, `${name}[${key}]`, inner)
  } else {
    form.append(name, String(value ?? ""))
  }
}
