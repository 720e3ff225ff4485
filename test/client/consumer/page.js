import { consume } from "./consume.js"
import { consumeJob } from "./consume-job.js"

Object.assign(globalThis, { consume, consumeJob })
