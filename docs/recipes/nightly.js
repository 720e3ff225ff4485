// Exports what changed since the last night into a folder of gzip parts, by a job; everything in the first night.
//
//   npm pkg set type=module && npm install ./mailchimp-export-0.1.0.tgz
//   0 2 * * *  API=https://export.example.com TOKEN_FILE=/run/secrets/token node nightly.js /var/lib/members
import { createHash } from "node:crypto"
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { downloadJob, retryJob, startJob, waitForJob } from "mailchimp-export/client"

process.chdir(process.argv[2])
const token = async () => (await readFile(process.env.TOKEN_FILE, "utf8")).trim()
const service = { baseUrl: process.env.API, token }
const cursor = await readFile("cursor", "utf8").catch(() => undefined)

// A second run of the same day with the same cursor continues with the job of the first.
const now = new Date().toISOString()
const digest = createHash("sha256").update(cursor ?? "")
const idempotencyKey = `nightly ${now.slice(0, 10)} ${digest.digest("hex")}`

const { id, state } = await startJob({ ...service, cursor, idempotencyKey })
if (state === "failed") await retryJob(id, service)
const job = await waitForJob(id, service)

await rm("new", { recursive: true, force: true })
await mkdir("new")
try {
  // Every part is checked against its digest. A job that failed throws its error.
  for await (const { name, bytes } of downloadJob(job, service)) await writeFile(`new/${name}`, bytes)
} catch (error) {
  if (error.code !== "incomplete") throw error
  console.error(error.detail)
}
await rename("new", `members-${now.replaceAll(/[-:]/g, "").slice(0, 15)}Z`)
// Last, so that a crash before this line repeats members instead of losing them.
await writeFile("cursor.new", job.cursor)
await rename("cursor.new", "cursor")
