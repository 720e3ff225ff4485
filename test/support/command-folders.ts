import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { $ } from "bun"
import { commandEntry, startCommandProcess } from "./run-command.ts"
import { temporaryFolder } from "./temporary-folder.ts"

export type CommandFolder = ReturnType<ReturnType<typeof createCommandFolders>["inNewFolder"]>

type Caller = {
  readonly service: { readonly url: string }
  readonly headers: Readonly<Record<string, string>>
}

/** The environment in which the command is a caller of a service. */
export function toCommandEnv({ service, headers }: Caller) {
  const token = String(headers["authorization"]).replace("Bearer ", "")
  return { MAILCHIMP_EXPORT_URL: service.url, MAILCHIMP_EXPORT_TOKEN: token }
}

/** Folders in which the command runs, as a caller of a service. */
export function createCommandFolders(caller: Caller) {
  const folder = temporaryFolder()
  const env = toCommandEnv(caller)
  let folders = 0
  return {
    /** The service and the token. */
    env,
    /** Each test has a folder of its own. */
    inNewFolder: () => {
      folders += 1
      const cwd = join(folder.path, String(folders))
      mkdirSync(cwd)
      const path = (file: string) => join(cwd, file)
      const bytesOf = (file: string) => readFileSync(path(file))
      const textOf = (file: string) => String(bytesOf(file))
      const start = (args: string, more: Readonly<Record<string, string>> = {}) =>
        startCommandProcess(args.split(" "), { env: { ...env, ...more }, cwd })
      return {
        path,
        bytesOf,
        textOf,
        /** Whole lines alone. */
        rowsOf: (file: string) => textOf(file).split("\n").slice(0, -1),
        files: () => readdirSync(cwd).toSorted(),
        write: (file: string, text: string) => writeFileSync(path(file), text),
        append: (file: string, text: string) => appendFileSync(path(file), text),
        makeFolder: (name: string) => mkdirSync(path(name)),
        start,
        run: (...parameters: Parameters<typeof start>) => start(...parameters).ended,
        /** Runs a script that has the command as `mailchimp-export`. Fails if any program of a pipe does. */
        shell: async (script: string) => {
          const command = `set -o pipefail; mailchimp-export() { bun ${commandEntry} "$@"; }; ${script}`
          const ran = $`bash -c ${command}`.cwd(cwd).env({ PATH: String(Bun.env["PATH"]), ...env })
          const { exitCode, stdout, stderr } = await ran.quiet().nothrow()
          return { exitCode, stdout: String(stdout), stderr: String(stderr) }
        },
      }
    },
    remove: folder.remove,
  }
}
