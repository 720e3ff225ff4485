import { cpSync } from "node:fs"
import { join } from "node:path"
import { $ } from "bun"
import { temporaryFolder } from "./temporary-folder.ts"

const root = join(import.meta.dir, "../..")

/** An empty project in which the packed client is installed, as a user does, with the files of `test/client/consumer`. */
export async function createClientProject() {
  const folder = temporaryFolder()
  const project = join(folder.path, "project")
  await $`bun src/dev/build-client.ts`.cwd(root).quiet()
  await $`npm pack ./dist --pack-destination ${folder.path}`.cwd(root).quiet()
  cpSync(join(root, "test/client/consumer"), project, { recursive: true })
  await Bun.write(join(project, "package.json"), JSON.stringify({ name: "project", type: "module" }))
  await $`npm install --offline --no-audit --no-fund ../mailchimp-export-0.1.0.tgz`.cwd(project).quiet()
  return { path: project, remove: folder.remove }
}

export type ClientProject = Awaited<ReturnType<typeof createClientProject>>
