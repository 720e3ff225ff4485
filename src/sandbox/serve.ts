import { createSandbox, type Sandbox, type SandboxOptions } from "./sandbox.ts"

/** A sandbox that listens. */
export type RunningSandbox = {
  /** Its origin, without a trailing slash. */
  readonly url: string
  readonly sandbox: Sandbox
  /** Aborts all requests and frees the port. */
  stop(): Promise<void>
}

export type StartSandboxOptions = SandboxOptions & {
  /** 0, any free port, by default. */
  port?: number
  /** The address to listen on: by default only this machine reaches it. */
  hostname?: string
}

/** Starts a sandbox on a port of its own. */
export function startSandbox(options: StartSandboxOptions = {}): RunningSandbox {
  const { port = 0, hostname = "127.0.0.1", ...sandboxOptions } = options
  const sandbox = createSandbox(sandboxOptions)
  // Only the sandbox itself may abort a connection, and its own errors must not show source code.
  const server = Bun.serve({
    port,
    hostname,
    reusePort: false,
    development: false,
    idleTimeout: 0,
    fetch: sandbox.fetch,
  })
  return {
    url: server.url.origin,
    sandbox,
    async stop() {
      sandbox.stop()
      await server.stop(true)
    },
  }
}
