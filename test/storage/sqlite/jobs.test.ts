import type { JobStore } from "../../../src/jobs/job.ts"
import type { StoreUnderTest } from "../../contracts/connection-store.ts"
import { jobStoreRaces } from "../../contracts/job-races.ts"
import { jobStoreContract } from "../../contracts/job-store.ts"
import { sqliteUnderTest } from "../../support/storage-under-test.ts"

function jobsUnderTest(): StoreUnderTest<JobStore> {
  const storage = sqliteUnderTest()
  return { open: async () => (await storage.open()).jobs, close: storage.close }
}

jobStoreContract("SQLite", jobsUnderTest)
jobStoreRaces("SQLite", jobsUnderTest)
