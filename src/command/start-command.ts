import { systemClock } from "../lib/time.ts"
import { codeOf } from "./pull/file-error.ts"
import { runCommand } from "./run-command.ts"
import type { StartSandbox } from "./start-sandbox.ts"
import { Interrupted, ReaderLeft } from "./terminal.ts"
import { toOutput } from "./to-output.ts"

/** Runs the command in this process. Sets the exit code instead of exiting, because a pipe may still have data to pass on. */
export async function startCommand(options: { readonly startSandbox?: StartSandbox } = {}): Promise<void> {
  const stopping = new AbortController()
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => stopping.abort(new Interrupted(`Interrupted by ${signal}`)))
  // Without a listener, a command that is piped into `head` ends with a stack trace in Node, and never ends in Bun.
  process.stdout.on("error", (error) =>
    stopping.abort(codeOf(error) === "EPIPE" ? new ReaderLeft("Nobody reads the standard output") : error),
  )
  process.stderr.on("error", () => {})
  const { signal } = stopping
  process.exitCode = await runCommand(process.argv.slice(2), {
    terminal: {
      env: process.env,
      // Opening it costs time, and only a question needs it.
      get stdin() {
        return process.stdin
      },
      stdout: toOutput(process.stdout, signal),
      stderr: toOutput(process.stderr),
      signal,
      fetch: async (url, init) =>
        (await import("./http/http-fetch.ts")).fetchFor(process.versions.bun)(url, init),
    },
    clock: systemClock,
    random: Math.random,
    pid: process.pid,
    isRunning,
    openBrowser: (url) => void openBrowser(url),
    ...options,
  })
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // The process is another user's.
    return codeOf(error) === "EPERM"
  }
}

/** The address is also printed, so it does not matter if there is no browser. */
async function openBrowser(url: string): Promise<void> {
  const opener =
    process.platform === "darwin" ? "open" : process.platform === "win32" ? "explorer" : "xdg-open"
  const { spawn } = await import("node:child_process")
  const child = spawn(opener, [url], { stdio: "ignore", detached: true })
  child.on("error", () => {})
  child.unref()
}
