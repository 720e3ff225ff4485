/**
 * The command in a clone of the project, with `--sandbox`: `bun run export -- pull --sandbox --out contacts.csv`. The sandbox and
 * the service are loaded only then, so that `--help` stays quick.
 */
import { startCommand } from "../command/start-command.ts"

await startCommand({
  startSandbox: async () => (await import("./sandbox-service.ts")).startSandboxService(),
})
