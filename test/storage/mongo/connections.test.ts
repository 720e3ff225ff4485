import { connectionStoreContract } from "../../contracts/connection-store.ts"
import { describeWithMongodb } from "../../support/mongodb.ts"
import { mongoUnderTest } from "../../support/storage-under-test.ts"

connectionStoreContract(
  "MongoDB, plain",
  async () => {
    const storage = await mongoUnderTest()
    return { open: () => storage.open().connections, close: storage.close }
  },
  describeWithMongodb,
)
