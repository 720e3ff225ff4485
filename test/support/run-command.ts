import { join } from "node:path"

/** The command's source. */
export const commandEntry = join(import.meta.dir, "../../src/command/main.ts")

export type CommandRun = {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Starts the command as a process of its own, by default from its source. */
export function startCommandProcess(
  args: readonly string[],
  options: {
    readonly env: Readonly<Record<string, string>>
    readonly cwd: string
    readonly program?: readonly string[]
  },
) {
  const { env, cwd, program = ["bun", commandEntry] } = options
  const child = Bun.spawn([...program, ...args], {
    cwd,
    env: { PATH: String(Bun.env["PATH"]), ...env },
    stdout: "pipe",
    stderr: "pipe",
    stdin: "ignore",
  })
  const ended = async (): Promise<CommandRun> => {
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
    return { exitCode: await child.exited, stdout, stderr }
  }
  return { kill: (signal: NodeJS.Signals) => child.kill(signal), ended: ended() }
}

export function runCommandProcess(...parameters: Parameters<typeof startCommandProcess>) {
  return startCommandProcess(...parameters).ended
}
