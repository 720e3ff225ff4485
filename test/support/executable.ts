import { join } from "node:path"
import { runBuild } from "./build-once.ts"

/** Builds the executable of the service into a folder, as the Dockerfile does, and returns its path. */
export async function buildExecutable(folder: string): Promise<string> {
  const path = join(folder, "mailchimp-export-service")
  await runBuild(
    [process.execPath, "run", "build:executable", "--outfile", path],
    join(import.meta.dir, "../.."),
  )
  return path
}
