/**
 * The entry point of the compiled executable: the service, or one of the commands that an operator runs beside it. The
 * image has neither a shell nor Bun, so the executable is everything that can be run there.
 */
const commands: Readonly<Record<string, () => Promise<unknown>>> = {
  serve: () => import("./main.ts"),
  health: () => import("./health.ts"),
  reseal: () => import("./reseal.ts"),
}

const [name = "serve"] = Bun.argv.slice(2)
const run = Object.hasOwn(commands, name) ? commands[name] : undefined
if (run === undefined) {
  process.stderr.write(
    `Unknown command: ${name}. Use ${Object.keys(commands).join(", ")}, or none to serve\n`,
  )
  process.exit(2)
}
await run()
