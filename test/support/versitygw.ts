import { describe } from "bun:test"
import { mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { freePort } from "../../src/dev/free-port.ts"
import { buildOnce, runBuild } from "./build-once.ts"
import { temporaryFolder } from "./temporary-folder.ts"
import { until } from "./until.ts"

const source = join(import.meta.dir, "versitygw")
const isMissing = Bun.which("go") === null

/** For a `beforeAll`: a first build takes about two minutes on a machine with two cores. */
export const s3StartTimeoutMs = 400_000

/** A suite that needs an object store. Without go the suite is skipped, and its name says why. */
export function describeWithS3(name: string, suite: () => void): void {
  describe.skipIf(isMissing)(isMissing ? `${name} (skipped: needs go on the PATH)` : name, suite)
}

/** Ends the server when standard input ends, so that no test process leaves it behind. */
const watched = `"$@" & echo $!; cat > /dev/null; kill -9 $!`

export type ObjectStore = Awaited<ReturnType<typeof startObjectStore>>

/** Starts a private server that keeps its objects in a temporary folder, with a key that may use all buckets. */
export async function startObjectStore() {
  const sources = ["go.mod", "go.sum"].map((name) => join(source, name))
  const command = "github.com/versity/versitygw/cmd/versitygw"
  const binary = await buildOnce("versitygw", sources, (draft) =>
    runBuild(["go", "build", "-buildvcs=false", "-o", draft, command], source),
  )
  const folder = temporaryFolder()
  const port = freePort()
  const endpoint = `http://127.0.0.1:${port}`
  const secret = "a-secret-of-the-object-store"
  let server = await startServer({ binary, folder: folder.path, port, secret })
  return {
    /** The environment of a service, except for `JOB_FILES`. */
    env: { S3_ENDPOINT: endpoint, S3_ACCESS_KEY_ID: "test-key", S3_SECRET_ACCESS_KEY: secret },
    endpoint,
    secret,
    /** Creates a bucket, which is a folder. */
    createBucket: (name = `bucket-${crypto.randomUUID()}`) => {
      mkdirSync(join(folder.path, name))
      return {
        name,
        path: join(folder.path, name),
        remove: () => rmSync(join(folder.path, name), { recursive: true }),
      }
    },
    kill9: () => server.kill9(),
    /** Starts it again with the same objects, and if it is given with another secret. */
    restart: async (secretNow = secret) => {
      server = await startServer({ binary, folder: folder.path, port, secret: secretNow })
    },
    freeze: () => process.kill(server.pid, "SIGSTOP"),
    thaw: () => process.kill(server.pid, "SIGCONT"),
    stop: async () => {
      await server.kill9()
      folder.remove()
    },
  }
}

async function startServer(options: { binary: string; folder: string; port: number; secret: string }) {
  const { binary, folder, port, secret } = options
  const flags = ["--port", `127.0.0.1:${port}`, "--quiet", "posix", folder]
  const shell = Bun.spawn(["sh", "-c", watched, "sh", binary, ...flags], {
    env: { ...process.env, ROOT_ACCESS_KEY: "test-key", ROOT_SECRET_KEY: secret },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
  })
  shell.unref()
  const { value } = await shell.stdout.getReader().read()
  const pid = Number(new TextDecoder().decode(value).split("\n", 1)[0])
  await until("the object store to respond", () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    ),
  )
  return {
    pid,
    kill9: async () => {
      shell.kill("SIGKILL")
      process.kill(pid, "SIGKILL")
      await shell.exited
    },
  }
}
