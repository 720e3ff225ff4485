import { join } from "node:path"
import { defaultClient } from "../sandbox/sandbox.ts"
import { freePort } from "./free-port.ts"

/** The service as a process of its own: `src/main.ts` with an environment, as an operator would start it. */
export type ServiceProcess = {
  readonly url: string
  readonly pid: number
  /**
   * Sends SIGTERM and resolves when the process has ended. The operating system counts the peak memory, in bytes.
   */
  stop(): Promise<{ readonly exitCode: number; readonly peakBytes: number }>
  /** Kills the process, as a crash would. */
  kill(): Promise<void>
}

/**
 * Starts the service on a free port, or on the port that `PORT` names, and resolves when it accepts requests.
 *
 * @param env its whole environment; PORT, PUBLIC_URL and BUN_CONFIG_MAX_HTTP_REQUESTS are filled in if they are missing
 * @throws Error if the process ends at once, or is not ready after ten seconds
 */
export async function startServiceProcess(
  env: Readonly<Record<string, string>>,
  options: {
    readonly watch?: boolean
    readonly output?: "inherit" | "ignore" | Bun.BunFile
    /** The path of a compiled service to start instead of the sources. */
    readonly executable?: string
  } = {},
): Promise<ServiceProcess> {
  const port = env["PORT"] ?? String(freePort())
  const url = `http://127.0.0.1:${port}`
  const main = join(import.meta.dir, "../main.ts")
  const { output = "inherit", watch = false, executable } = options
  // A file .env is meant for the real service.
  const flags = ["--no-env-file", ...(watch ? ["--watch"] : [])]
  const command = executable === undefined ? [Bun.argv[0] ?? "bun", ...flags, main] : [executable]
  const child = Bun.spawn(command, {
    env: { PUBLIC_URL: url, BUN_CONFIG_MAX_HTTP_REQUESTS: "65535", ...env, PORT: port },
    stdout: output,
    stderr: output,
  })
  await untilReady(url, () => child.exitCode === null).catch((error: unknown) => {
    child.kill("SIGKILL")
    throw error
  })
  return {
    url,
    pid: child.pid,
    stop: async () => {
      child.kill("SIGTERM")
      const exitCode = await child.exited
      return { exitCode, peakBytes: child.resourceUsage()?.maxRSS ?? 0 }
    },
    kill: async () => {
      child.kill("SIGKILL")
      await child.exited
    },
  }
}

/** The environment that makes the service use a sandbox instead of Mailchimp. */
export function serviceEnvironment(sandboxUrl: string): Record<string, string> {
  return {
    MAILCHIMP_CLIENT_ID: defaultClient.clientId,
    MAILCHIMP_CLIENT_SECRET: defaultClient.clientSecret,
    MAILCHIMP_AUTHORIZATION_URL: `${sandboxUrl}/oauth2/authorize`,
    MAILCHIMP_TOKEN_URL: `${sandboxUrl}/oauth2/token`,
    MAILCHIMP_DATACENTER_URL: `${sandboxUrl}/oauth2/metadata`,
    MAILCHIMP_API_URL: `${sandboxUrl}/{dc}/3.0`,
  }
}

async function untilReady(url: string, isRunning: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && isRunning(); tries += 1) {
    const response = await fetch(`${url}/readyz`).catch(() => undefined)
    if (response?.ok) return
    await Bun.sleep(25)
  }
  throw new Error(`Cannot start the service because it ended or is not ready after ten seconds: ${url}`)
}
