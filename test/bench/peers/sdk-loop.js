/** Mailchimp's official SDK in the loop that its users write. Arguments: API root, token, list, the fields to leave out, the only fields. */
import mailchimp from "@mailchimp/mailchimp_marketing"
import { report } from "./report.js"

const [apiUrl, accessToken, listId, excludeFields, fields] = process.argv.slice(2)
mailchimp.setConfig({ accessToken })
mailchimp.basePath = apiUrl

await report(async (write) => {
  for (let offset = 0; ; offset += 1000) {
    const options = {
      count: 1000,
      offset,
      ...(excludeFields ? { excludeFields: excludeFields.split(",") } : {}),
      ...(fields ? { fields: fields.split(",") } : {}),
    }
    const page = await mailchimp.lists.getListMembersInfo(listId, options)
    await write(page.members.map((member) => JSON.stringify(member) + "\n").join(""))
    if (offset + 1000 >= page.total_items) return
  }
})
