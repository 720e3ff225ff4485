import { mkdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { $, Glob } from "bun"

/**
 * Builds the client and the command into `dist/`, which is a package of its own: the same name and exports, but none of the
 * service's dependencies. `npm pack ./dist` makes the file that a frontend or a pipeline installs.
 */
const root = join(import.meta.dir, "../..")
const dist = join(root, "dist")
await rm(dist, { recursive: true, force: true })
await mkdir(dist)
await $`bun build src/client/client.ts --target browser --minify --outfile dist/client/client.js`
  .cwd(root)
  .quiet()
await $`bun build src/command/main.ts --target node --minify --outfile dist/command/mailchimp-export.js`
  .cwd(root)
  .quiet()
await $`bunx tsc -p src/client`.cwd(root).quiet()
// The compiler leaves `./types.ts` as it is, which only recent compilers find.
for await (const file of new Glob("client/*.d.ts").scan({ cwd: dist, absolute: true })) {
  const text = await Bun.file(file).text()
  await Bun.write(file, text.replaceAll(/(from "\.\/[\w-]+)\.ts"/g, '$1.js"'))
}

const manifest = await Bun.file(join(root, "package.json")).json()
const { name, version, type, sideEffects } = manifest
const description =
  "The client and the command of mailchimp-export: every contact of a connected Mailchimp account, in one loop or file"
const { types, default: code } = manifest.exports["./client"]
const inDist = (path: string) => path.replace("./dist/", "./")
const exports = { "./client": { types: inDist(types), default: inDist(code) } }
const engines = { node: ">=20" }
const bin = { [name]: inDist(manifest.bin[name]) }
const files = ["client", "command"]
const inPackage = { name, version, description, type, sideEffects, exports, bin, files, engines }
await Bun.write(join(dist, "package.json"), `${JSON.stringify(inPackage, null, 2)}\n`)
