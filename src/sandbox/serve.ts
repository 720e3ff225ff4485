import { createSandbox, type Sandbox, type SandboxOptions } from "./sandbox.ts"

/** A sandbox that listens. */
export type RunningSandbox = {
  /** Its origin, without a slash at the end. */
  readonly url: string
  readonly sandbox: Sandbox
  /** Cuts what is under way and frees the port. */
  stop(): Promise<void>
}

export type StartSandboxOptions = SandboxOptions & {
  /** 0, any free one, by default. */
  port?: number
  /** 127.0.0.1 by default. */
  hostname?: string
}

/** Starts a sandbox on a port of its own. */
export function startSandbox(options: StartSandboxOptions = {}): RunningSandbox {
  const { port = 0, hostname = "127.0.0.1", ...sandboxOptions } = options
  const sandbox = createSandbox(sandboxOptions)
  // Nothing but the sandbox itself may cut a connection, and an error of its own shows no source.
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
