import { afterAll, describe } from "bun:test"
import { join } from "node:path"
import { createFolder } from "../../../src/jobs/parts/files.ts"
import { describePartFiles } from "../../contracts/part-files.ts"
import { temporaryFolder } from "../../support/temporary-folder.ts"

const folder = temporaryFolder()
afterAll(folder.remove)

describe("files of jobs in a folder", () =>
  describePartFiles(() => createFolder(join(folder.path, crypto.randomUUID()))))
