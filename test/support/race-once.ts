import { openStorage } from "../../src/storage/storage.ts"

// Races other processes for one connection and one state, and prints which of the two it won.
const [sqlitePath = ""] = process.argv.slice(2)
const { connections, usedStates, close } = await openStorage({ sqlitePath })
const inserted = await connections.insert({
  id: String(process.pid),
  owner: { accountId: "account", uid: "1" },
  accessToken: "1b2c3d4e5f60718293a4b5c6d7e8f901",
  metadata: { dc: "us19" },
  connectedAt: new Date(),
})
const isFirst = await usedStates.use("state", new Date(Date.now() + 600_000))
await close()
process.stdout.write(`${inserted ? "inserted " : ""}${isFirst ? "used " : ""}done\n`)
