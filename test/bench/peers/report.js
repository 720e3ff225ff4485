import { once } from "node:events"

/** Runs a loop that writes a page of rows at a time, no faster than it is read, and tells on stderr what it has computed. */
export async function report(loop) {
  const before = process.cpuUsage()
  await loop(async (rows) => {
    if (!process.stdout.write(rows)) await once(process.stdout, "drain")
  })
  const { user, system } = process.cpuUsage(before)
  process.stderr.write(JSON.stringify({ cpuSeconds: (user + system) / 1e6 }))
}
