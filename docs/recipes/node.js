// Appends every member to members.ndjson. Run it again to resume after a crash, or to add what changed since.
//
//   npm pkg set type=module && npm install ./mailchimp-export-0.1.0.tgz
//   API=https://export.example.com/v1/integrations/mailchimp TOKEN=… node node.js
import { appendFile, readFile, rename, writeFile } from "node:fs/promises"
import { exportMembers } from "mailchimp-export/client"

const cursor = await readFile("members.cursor", "utf8").catch(() => undefined)
const members = exportMembers({
  baseUrl: process.env.API,
  token: process.env.TOKEN,
  cursor,
  onProgress: ({ rows, estimate, error }) =>
    console.error(error ? `Resuming: ${error.detail}` : `${rows} of about ${estimate}`),
})

for await (const page of members.pages()) {
  await appendFile("members.ndjson", page.members.map((member) => `${JSON.stringify(member)}\n`).join(""))
  // After the members, so that a crash in between repeats a page instead of losing it.
  await store(page.cursor)
}
await store(members.cursor)
console.error(members.end.status)

async function store(cursor) {
  await writeFile("members.cursor.new", cursor)
  await rename("members.cursor.new", "members.cursor")
}
