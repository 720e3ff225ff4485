/** Runs a program until it ends by itself, in no environment but this one. */
export async function runToEnd(command: readonly string[], env: Readonly<Record<string, string>>) {
  const child = Bun.spawn([...command], { env, stdout: "pipe", stderr: "pipe" })
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
  return { exitCode: await child.exited, stdout, stderr }
}

/** Runs a script of the sources, e.g. `src/main.ts`, without a file .env. */
export function runScript(path: string, env: Readonly<Record<string, string>>) {
  return runToEnd([process.execPath, "--no-env-file", path], env)
}
