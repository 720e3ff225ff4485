import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"

/**
 * The path of what `build` makes of the sources, in `node_modules/.cache`: built once on this machine for each state of
 * the sources. `build` writes a file or a folder at the path that it is given.
 */
export async function buildOnce(
  name: string,
  sources: readonly string[],
  build: (draft: string) => Promise<void>,
): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256")
  for (const source of sources) hash.update(await Bun.file(source).bytes())
  const cache = join(import.meta.dir, "../../node_modules/.cache", name)
  const built = join(cache, hash.digest("hex").slice(0, 16))
  if (existsSync(built)) return built
  mkdirSync(cache, { recursive: true })
  const draft = `${built}.${crypto.randomUUID()}`
  try {
    await build(draft)
    renameSync(draft, built)
  } catch (error) {
    // Another process may have built it meanwhile, and a folder is not replaced.
    if (!existsSync(built)) throw error
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  return built
}

/** Runs one command of a build. Rejects with its output if it fails. */
export async function runBuild(command: readonly string[], cwd: string): Promise<void> {
  const child = Bun.spawn([...command], { cwd, stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  if (exitCode !== 0) throw new Error(`Cannot build with ${command[0]}: ${stdout}${stderr}`)
}
