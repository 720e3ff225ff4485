/** A plain loop over fetch, as one writes it without the SDK. Arguments: API root, token, list, the fields to leave out, the only fields. */
import { report } from "./report.js"

const [apiUrl, accessToken, listId, excludeFields, fields] = process.argv.slice(2)
const headers = { authorization: `Bearer ${accessToken}` }

await report(async (write) => {
  for (let offset = 0; ; offset += 1000) {
    const query = new URLSearchParams({
      count: 1000,
      offset,
      ...(excludeFields ? { exclude_fields: excludeFields } : {}),
      ...(fields ? { fields } : {}),
    })
    const answer = await fetch(`${apiUrl}/lists/${listId}/members?${query}`, { headers })
    const page = await answer.json()
    await write(page.members.map((member) => JSON.stringify(member) + "\n").join(""))
    if (offset + 1000 >= page.total_items) return
  }
})
