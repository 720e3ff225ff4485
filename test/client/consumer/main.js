import { consume } from "./consume.js"
import { consumeJob } from "./consume-job.js"

const [, , name, baseUrl, token] = process.argv
process.stdout.write(JSON.stringify(await (name === "consumeJob" ? consumeJob : consume)(baseUrl, token)))
