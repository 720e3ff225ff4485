import { expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { buildTimeoutMs } from "../support/ferretdb.ts"
import { startFollower } from "../support/follower.ts"
import { describeWithMongodb, newMongodbUri } from "../support/mongodb.ts"
import { connectAccount, sandboxEnv, startService } from "../support/service.ts"
import { until } from "../support/until.ts"

describeWithMongodb("two replicas with one MongoDB", () => {
  test(
    "what is delivered to one reaches a follower of the other, and so does the disconnection",
    async () => {
      const lists = [{ name: "One", count: 5 }]
      const mailchimp = startSandbox({ decision: "approve", accounts: [{ lists }] })
      const { sandbox } = mailchimp
      const env = {
        ...sandboxEnv(mailchimp),
        MONGODB_URI: await newMongodbUri(),
        TOKEN_KEYS: `k1:${Buffer.alloc(32, 1).toString("base64")}`,
        CURSOR_MARGIN_S: "1",
        // Polls alone would find nothing within the test.
        FOLLOW_INTERVAL_S: "3600",
      }
      const receiving = await startService(env)
      const following = await startService(env)
      try {
        const headers = await connectAccount(receiving)
        const listId = sandbox.state.accounts[0]?.lists[0]?.id ?? ""
        // The webhook has the address of the replica that made it.
        const put = await fetch(`${receiving.api}/lists/${listId}/webhook`, { method: "PUT", headers })
        expect(put.status).toBe(200)
        const follower = startFollower(`${following.api}/export?events=true&follow=true`, headers)
        await follower.caughtUp()
        const added = `${listId} ${sandbox.changes.addMember(listId).id}`
        await until("the row", () => follower.members.has(added))
        const [first] = sandbox.truth(listId).members()
        sandbox.changes.deleteMember(listId, first?.id ?? "")
        await until("the deletion", () => follower.of("deleted").some(({ id }) => id === first?.id))
        expect((await fetch(`${receiving.api}/auth`, { method: "DELETE", headers })).status).toBe(200)
        await follower.ended
        expect(follower.of("error")).toEqual([expect.objectContaining({ code: "disconnected" })])
      } finally {
        await following.stop()
        await receiving.stop()
        await mailchimp.stop()
      }
    },
    buildTimeoutMs,
  )
})
