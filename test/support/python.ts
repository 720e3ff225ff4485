import { existsSync, renameSync } from "node:fs"
import { join } from "node:path"
import { $ } from "bun"

/** Tests that need Python are skipped on a machine without it. */
export const hasPython = Bun.which("python3") !== null

/** The path of a Python that has these packages of PyPI; it is made once. */
export async function pythonWith(...packages: readonly string[]): Promise<string> {
  const name = packages.join("-").replaceAll(/[^\w.-]/g, "")
  const folder = join(import.meta.dir, "../../node_modules/.cache/python", name)
  const python = join(folder, "bin/python")
  if (existsSync(join(folder, "ready"))) return python
  await $`python3 -m venv --clear ${folder}`.quiet()
  await $`${python} -m pip install --quiet --disable-pip-version-check ${packages}`.quiet()
  await Bun.write(join(folder, "ready.new"), "")
  renameSync(join(folder, "ready.new"), join(folder, "ready"))
  return python
}
