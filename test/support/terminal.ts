import { commandEntry } from "./run-command.ts"

type Options = {
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** The width that the terminal tells; 0 if it tells none. */
  readonly columns: number
}

/** Runs the command on a terminal, and returns everything that was written to it. */
export async function runOnTerminal(args: string, { env, cwd, columns }: Options) {
  const decoder = new TextDecoder()
  const closed = Promise.withResolvers<void>()
  let text = ""
  const child = Bun.spawn(["sh", "-c", `stty cols ${columns}; exec bun ${commandEntry} ${args}`], {
    cwd,
    env: { PATH: String(Bun.env["PATH"]), TERM: "xterm", ...env },
    terminal: {
      data: (_, data) => {
        text += decoder.decode(data, { stream: true })
      },
      exit: () => closed.resolve(),
    },
  })
  const exitCode = await child.exited
  await closed.promise
  return { exitCode, text }
}
