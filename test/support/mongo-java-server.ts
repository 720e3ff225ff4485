import { join } from "node:path"
import { buildOnce, runBuild } from "./build-once.ts"
import { type ListeningServer, startListening } from "./listening-server.ts"

const source = join(import.meta.dir, "mongo-java-server")
const [pom, program] = [join(source, "pom.xml"), join(source, "Serve.java")]

/** Why the server cannot be built here, if it cannot. */
export const missingForMongoJavaServer =
  Bun.which("javac") === null || Bun.which("mvn") === null ? "needs javac and mvn on the PATH" : undefined

/** Starts a server that keeps its data in memory and ends with this process. */
export async function startMongoJavaServer(): Promise<ListeningServer> {
  const built = await buildOnce("mongo-java-server", [pom, program], async (draft) => {
    const libraries = join(draft, "lib")
    await runBuild(
      ["mvn", "-q", "-B", "-C", "-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${libraries}`],
      source,
    )
    await runBuild(["javac", "-cp", join(libraries, "*"), "-d", join(draft, "classes"), program], source)
  })
  const classPath = `${join(built, "lib", "*")}:${join(built, "classes")}`
  return startListening(["java", "-XX:TieredStopAtLevel=1", "-Xmx128m", "-cp", classPath, "Serve"])
}
