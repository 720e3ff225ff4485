import { consume } from "./consume.js"

const [, , baseUrl, token] = process.argv
process.stdout.write(JSON.stringify(await consume(baseUrl, token)))
