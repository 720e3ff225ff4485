import { afterAll, beforeAll, expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { createJobClient, problemOf } from "../support/job-client.ts"
import { describeWithMongodb, mongodbStartTimeoutMs, newMongodbUri } from "../support/mongodb.ts"
import { describeWithRedis, startRedis } from "../support/redis-server.ts"
import { bearer, sandboxEnv, startService, type RunningService } from "../support/service.ts"

describeWithMongodb("with MongoDB", () => {
  const mailchimp = startSandbox()
  let service: RunningService

  beforeAll(async () => {
    service = await startService({ ...sandboxEnv(mailchimp), MONGODB_URI: await newMongodbUri() })
  }, mongodbStartTimeoutMs)
  afterAll(async () => {
    await service.stop()
    await mailchimp.stop()
  })

  test("every route of jobs is a 501 that names REDIS_URL", async () => {
    const client = createJobClient(() => service, await bearer("one"))
    for (const [path, method] of [
      ["", "POST"],
      ["", "GET"],
      ["/job_1", "GET"],
      ["/job_1", "DELETE"],
      ["/job_1/retry", "POST"],
      ["/job_1/members", "GET"],
      ["/job_1/parts/00001-1.ndjson.gz", "GET"],
    ] as const) {
      const response = await client.request(path, {
        method,
        ...(path === "" && method === "POST" && { body: "{}" }),
      })
      const copy = response.clone()
      expect([path, method, ...(await problemOf(response))]).toEqual([
        path,
        method,
        501,
        "jobs_not_configured",
      ])
      expect(await copy.text()).toContain("REDIS_URL")
    }
  })

  describeWithRedis("and Redis", () => {
    test("jobs whose files other processes may not have are a 501 that names JOB_FILES, and a worker does not start", async () => {
      const redis = await startRedis()
      const env = { ...sandboxEnv(mailchimp), MONGODB_URI: await newMongodbUri(), REDIS_URL: redis.url }
      const unshared = await startService(env)
      const response = await createJobClient(() => unshared, await bearer("one")).request("")
      expect(response.status).toBe(501)
      expect(await response.text()).toContain("JOB_FILES is a folder")
      await expect(startService({ ...env, ROLE: "worker" })).rejects.toThrow("JOB_FILES_SHARED=true")
      await unshared.stop()
      await redis.kill9()
    })
  })
})
