/** Seals every stored token and signing secret with the first of TOKEN_KEYS, while the service runs: `bun run reseal`. */
import { parseConfig } from "./config.ts"
import { secretsOf } from "./environment/secrets.ts"
import { createRedaction } from "./lib/redaction.ts"
import { systemClock } from "./lib/time.ts"
import { createSecrets } from "./services/storage.ts"
import { describeReseal } from "./storage/reseal-report.ts"
import { reseal } from "./storage/reseal.ts"
import { openStorage } from "./storage/storage.ts"

try {
  const config = parseConfig(process.env)
  const { sealer } = createSecrets(config, systemClock)
  const storage = await openStorage(config.storage)
  const { lines, needsOlderKeys } = describeReseal(await reseal(storage.secrets, sealer), sealer.sealingKeyId)
  await storage.scrub()
  await storage.close()
  process.stdout.write(`${lines.join("\n")}\n`)
  process.exit(needsOlderKeys ? 1 : 0)
} catch (error) {
  const { redact } = createRedaction(secretsOf(process.env))
  process.stderr.write(`${redact(error instanceof Error ? error.message : String(error))}\n`)
  process.exit(2)
}
