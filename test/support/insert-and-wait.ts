import { openStorage } from "../../src/storage/storage.ts"

// Stores a connection and consumes a state, reports that, and waits to be killed.
const [sqlitePath = "", accountId = "", stateId = ""] = process.argv.slice(2)
const { connections, usedStates } = await openStorage({ sqlitePath })
await connections.insert({
  id: "id",
  owner: { accountId, uid: "1" },
  accessToken: "1b2c3d4e5f60718293a4b5c6d7e8f901",
  metadata: { dc: "us19" },
  connectedAt: new Date(0),
})
await usedStates.use(stateId, new Date(Date.now() + 600_000))
process.stdout.write("stored\n")
setInterval(() => {}, 60_000)
