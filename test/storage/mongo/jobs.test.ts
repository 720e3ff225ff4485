import { jobStoreContract } from "../../contracts/job-store.ts"
import { describeWithMongodb } from "../../support/mongodb.ts"
import { mongoUnderTest } from "../../support/storage-under-test.ts"

jobStoreContract(
  "MongoDB",
  async () => {
    const storage = await mongoUnderTest()
    return { open: async () => (await storage.open()).jobs, close: storage.close }
  },
  // FerretDB's conditional updates are not atomic.
  { describeSuite: describeWithMongodb, hasRaces: process.env["MONGODB_TEST_URI"] !== undefined },
)
