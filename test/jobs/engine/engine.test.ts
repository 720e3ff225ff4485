import { createBullmq } from "../../../src/jobs/engine/bullmq/bullmq.ts"
import { createLocalEngine } from "../../../src/jobs/engine/local.ts"
import { systemClock } from "../../../src/lib/time.ts"
import { openPatientRedis } from "../../../src/storage/redis/redis.ts"
import { engineContract } from "../../contracts/engine.ts"
import { describeWithRedis, startRedis } from "../../support/redis-server.ts"

let holder: object | undefined

engineContract("local", {
  open: async () => {},
  close: async () => {},
  create: ({ run, open }) => {
    const me = {}
    const lock = {
      acquire: () => (holder ??= me) === me,
      release: () => {
        if (holder === me) holder = undefined
      },
    }
    return createLocalEngine({ open, run, concurrency: 2, lock, clock: systemClock, onEvent: () => {} })
  },
})

let redis: Awaited<ReturnType<typeof startRedis>>
const connections: Disposable[] = []

engineContract(
  "BullMQ",
  {
    open: async () => {
      redis = await startRedis()
    },
    close: async () => {
      for (const connection of connections) connection[Symbol.dispose]()
      await redis.kill9()
    },
    create: ({ run, open, find }) => {
      const connection = openPatientRedis(redis.url)
      connections.push({ [Symbol.dispose]: connection.close })
      const options = { concurrency: 2, isWorker: true, clock: systemClock, onEvent: () => {} }
      return createBullmq({ ...options, connection, find, open }).createEngine(run)
    },
  },
  describeWithRedis,
)
