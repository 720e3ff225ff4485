import { expect, test } from "bun:test"
import { createSealer } from "../../../src/sealer.ts"
import { reseal } from "../../../src/storage/reseal.ts"
import { storedSecretsContract } from "../../contracts/stored-secrets.ts"
import { describeWithMongodb, mongodbStartTimeoutMs } from "../../support/mongodb.ts"
import { mongoUnderTest, withRawMongo } from "../../support/storage-under-test.ts"

storedSecretsContract("MongoDB", () => mongoUnderTest(), 102, describeWithMongodb)

describeWithMongodb("MongoDB: documents of an older service", () => {
  test(
    "an owner whose id is a number, and documents without a token, do not stop a rotation",
    async () => {
      const underTest = await mongoUnderTest()
      const storage = await underTest.open()
      const metadata = { dc: "us1" }
      await withRawMongo(underTest.uri, async (db) => {
        await db.collection("integrations.mailchimp.key").insertMany([
          { account_id: 7, owner: 12, token: { access_token: "plain", metadata } },
          { account_id: 7, owner: 13 },
          { account_id: 7, owner: 14, token: { access_token: 5 } },
        ])
      })
      const sealer = createSealer([{ id: "k1", key: new Uint8Array(32) }])
      expect((await reseal(storage.secrets, sealer)).tokens).toMatchObject({ resealed: 1 })
      const stored = await storage.connections.find({ accountId: "7", uid: "12" })
      const binding = { purpose: "token", owner: JSON.stringify(["7", "12"]) } as const
      expect(await sealer.open(stored?.accessToken ?? "", binding)).toBe("plain")
      await underTest.close()
    },
    mongodbStartTimeoutMs,
  )
})
