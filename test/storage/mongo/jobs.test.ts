import type { JobStore } from "../../../src/jobs/job.ts"
import type { StoreUnderTest } from "../../contracts/connection-store.ts"
import { jobStoreRaces } from "../../contracts/job-races.ts"
import { jobStoreContract } from "../../contracts/job-store.ts"
import { atomicMongodb, mongodbServers, type MongodbServer } from "../../support/mongodb.ts"
import { mongoUnderTest } from "../../support/storage-under-test.ts"

async function jobsUnderTest(server: MongodbServer): Promise<StoreUnderTest<JobStore>> {
  const storage = await mongoUnderTest(server)
  return { open: async () => (await storage.open()).jobs, close: storage.close }
}

for (const server of mongodbServers)
  jobStoreContract(server.name, () => jobsUnderTest(server), server.describe)

jobStoreRaces(atomicMongodb.name, () => jobsUnderTest(atomicMongodb), atomicMongodb.describe)
