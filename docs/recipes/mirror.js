// Keeps a copy of an account in mirror.sqlite. Stop it at any time, and run it again: it continues from its cursor.
//
//   npm pkg set type=module && npm install ./mailchimp-export-0.1.0.tgz
//   API=https://export.example.com TOKEN=… node mirror.js          (Node 22.5 or later, or Bun)
//   API=https://export.example.com TOKEN=… node mirror.js check    compares the copy with a whole export
//
// A list with a webhook (PUT /lists/LIST/webhook) tells of changes within seconds, and of deletions. Other lists are read for changes
// once a minute, and deletions are found once a week.
import { DatabaseSync } from "node:sqlite"
import { exportMembers, followMembers } from "mailchimp-export/client"

const weekS = 7 * 24 * 3600
const sweepEveryS = Number(process.env.SWEEP_EVERY_S ?? weekS)
// A token that expires is replaced if `token` is a function that returns a new one.
const service = {
  baseUrl: process.env.API,
  token: process.env.TOKEN,
  include: "archived",
  onProgress: ({ error }) => error && console.error(`Retrying: ${error.detail}`),
}

const database = new DatabaseSync("mirror.sqlite")
database.exec(`PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 10000;
  CREATE TABLE IF NOT EXISTS members (list_id TEXT, id TEXT, last_changed TEXT, member TEXT,
    written_ms INTEGER, swept INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (list_id, id));
  CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value)`)
const select = database.prepare("SELECT value FROM state WHERE name = ?")
const store = database.prepare("INSERT OR REPLACE INTO state VALUES (?, ?)")
const put = database.prepare(
  `INSERT INTO members (list_id, id, last_changed, member, written_ms) VALUES (?, ?, ?, ?, ?)
   ON CONFLICT DO UPDATE SET last_changed = excluded.last_changed, member = excluded.member, written_ms = excluded.written_ms`,
)
const deleteMember = database.prepare("DELETE FROM members WHERE list_id = ? AND id = ?")
const deleteList = database.prepare("DELETE FROM members WHERE list_id = ?")

/** The last version of a member counts, and a deletion comes after the members of its change. */
async function follow() {
  const cursor = select.get("cursor")?.value
  for await (const { members, deleted, cursor: next, asOf } of followMembers({ ...service, cursor })) {
    together(() => {
      for (const member of members)
        put.run(member.list_id, member.id, member.last_changed, JSON.stringify(member), Date.now())
      if (deleted?.id) deleteMember.run(deleted.list_id, deleted.id)
      else if (deleted) deleteList.run(deleted.list_id)
      if (next) store.run("cursor", next)
    })
    if (asOf) console.log(`as of ${asOf}`)
  }
}

/**
 * Now and then a whole export finds what nothing else tells: members that were deleted without a delivery, and changes that do not move
 * `last_changed`. It never adds a member, who may have been deleted meanwhile: `follow` adds new members.
 */
async function sweep() {
  const update = database.prepare(
    "UPDATE members SET last_changed = ?, member = ? WHERE list_id = ? AND id = ? AND last_changed <= ?",
  )
  const mark = database.prepare("UPDATE members SET swept = ? WHERE list_id = ? AND id = ?")
  const deleteUnmarked = database.prepare("DELETE FROM members WHERE swept < ? AND written_ms < ?")
  for (;;) {
    const dueMs = Number(select.get("swept")?.value ?? Date.now()) + sweepEveryS * 1000
    // A timer of Node waits for 24 days at most.
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - Date.now())))
    const startedMs = Date.now()
    // If members may be missing, the loop throws, and nothing is deleted.
    for await (const { members } of exportMembers(service).pages())
      together(() => {
        for (const member of members) {
          const { list_id, id, last_changed } = member
          update.run(last_changed, JSON.stringify(member), list_id, id, last_changed)
          mark.run(startedMs, list_id, id)
        }
      })
    together(() => {
      const { changes } = deleteUnmarked.run(startedMs, startedMs)
      store.run("swept", startedMs)
      console.log(`swept ${changes}`)
    })
  }
}

/** Says how the copy differs from what Mailchimp has now. What changed in the last seconds may be among it. */
async function check() {
  const rest = new Map(
    database
      .prepare("SELECT list_id, id, last_changed FROM members")
      .all()
      .map((row) => [row.list_id + row.id, row]),
  )
  let missing = 0
  let stale = 0
  for await (const { list_id, id, last_changed } of exportMembers({
    ...service,
    fields: ["list_id", "id", "last_changed"],
  })) {
    const row = rest.get(list_id + id)
    if (!row) missing += 1
    else if (row.last_changed !== last_changed) stale += 1
    rest.delete(list_id + id)
  }
  console.log(`missing ${missing}, stale ${stale}, deleted at Mailchimp ${rest.size}`)
  process.exitCode = missing + stale + rest.size > 0 ? 1 : 0
}

function together(write) {
  database.exec("BEGIN IMMEDIATE")
  try {
    write()
    database.exec("COMMIT")
  } catch (error) {
    database.exec("ROLLBACK")
    throw error
  }
}

if (process.argv[2] === "check") await check()
else {
  if (!select.get("swept")) store.run("swept", Date.now())
  await Promise.all([follow(), sweep()])
}
