import { exportMembers } from "mailchimp-export/client"

/** Reads an export to its end. Returns what identifies each version of each member, in the order received. */
export async function consume(baseUrl, token) {
  const versions = []
  let retries = 0
  const onProgress = ({ error }) => {
    if (error) retries += 1
  }
  const members = exportMembers({ baseUrl, token, maxRetries: 30, onProgress })
  for await (const { list_id, id, last_changed } of members) versions.push(`${list_id} ${id} ${last_changed}`)
  return { versions, retries, status: members.end?.status }
}
