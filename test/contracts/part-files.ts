import { beforeEach, expect, test } from "bun:test"
import type { PartFiles } from "../../src/jobs/parts/part-files.ts"

const never = new AbortController().signal
const bytesOf = (text: string) => new TextEncoder().encode(text)

/** What every place for the files of jobs does. Each test gets a new, empty place. */
export function describePartFiles(open: () => PartFiles): void {
  let files: PartFiles
  beforeEach(() => {
    files = open()
  })

  const written = async (jobId: string, name: string, ...chunks: readonly Uint8Array[]) => {
    const file = await files.create(jobId, name, never)
    for (const chunk of chunks) await file.write(chunk)
    await file.finish()
  }
  const readAll = async (jobId: string, name: string, start: number, end: number) => {
    const chunks: Uint8Array[] = []
    for await (const chunk of files.read(jobId, name, start, end)) chunks.push(chunk)
    return Buffer.concat(chunks)
  }

  test("a file can be read when it is finished, whole and in ranges", async () => {
    const file = await files.create("job_1", "00001-1.ndjson", never)
    await file.write(bytesOf("hello "))
    await file.write(bytesOf("world"))
    expect(await files.size("job_1", "00001-1.ndjson")).toBeUndefined()
    await file.finish()
    expect(await files.size("job_1", "00001-1.ndjson")).toBe(11)
    expect(await files.names("job_1")).toEqual(["00001-1.ndjson"])
    expect((await readAll("job_1", "00001-1.ndjson", 0, 11)).toString()).toBe("hello world")
    expect((await readAll("job_1", "00001-1.ndjson", 4, 7)).toString()).toBe("o w")
    expect(await readAll("job_1", "00001-1.ndjson", 3, 3)).toHaveLength(0)
  })

  test("a file of several megabytes arrives as it was written", async () => {
    const chunks = Array.from({ length: 9 }, () => crypto.getRandomValues(new Uint8Array(60_000)))
    const many = Array.from({ length: 10 }, () => chunks).flat()
    await written("job_1", "00001-1.ndjson.gz", ...many)
    const all = Buffer.concat(many)
    expect(await files.size("job_1", "00001-1.ndjson.gz")).toBe(all.length)
    expect((await readAll("job_1", "00001-1.ndjson.gz", 0, all.length)).equals(all)).toBe(true)
    const range = await readAll("job_1", "00001-1.ndjson.gz", 1_000_001, 4_900_003)
    expect(range.equals(all.subarray(1_000_001, 4_900_003))).toBe(true)
  })

  test("an empty file is a file", async () => {
    await written("job_1", "00001-1.csv")
    expect(await files.size("job_1", "00001-1.csv")).toBe(0)
    expect(await readAll("job_1", "00001-1.csv", 0, 0)).toHaveLength(0)
  })

  test("a discarded file leaves nothing, also after finishing", async () => {
    const file = await files.create("job_1", "00001-1.ndjson", never)
    await file.write(bytesOf("half"))
    await file.discard()
    expect(await files.names("job_1")).toEqual([])
    const other = await files.create("job_1", "00002-1.ndjson", never)
    await other.finish()
    await other.discard()
    expect(await files.names("job_1")).toEqual(["00002-1.ndjson"])
  })

  test("what is missing or shorter than it should be is job_files_unavailable", async () => {
    await written("job_1", "00001-1.ndjson", bytesOf("short"))
    const code = { code: "job_files_unavailable" }
    await expect(readAll("job_1", "00001-1.ndjson", 0, 9)).rejects.toMatchObject(code)
    await expect(readAll("job_1", "00001-1.ndjson", 7, 9)).rejects.toMatchObject(code)
    await expect(readAll("job_1", "00009-1.ndjson", 0, 9)).rejects.toMatchObject(code)
    expect(await files.size("job_2", "00001-1.ndjson")).toBeUndefined()
  })

  test("jobs and their files are listed, and removed one by one or together", async () => {
    expect(await files.jobIds()).toEqual([])
    expect(await files.names("job_1")).toEqual([])
    for (const name of ["00001-1.csv", "00002-1.csv", "00002-2.csv"]) await written("job_1", name)
    await written("job_10", "00001-1.csv")
    expect((await files.jobIds()).toSorted()).toEqual(["job_1", "job_10"])
    await files.remove("job_1", "00002-1.csv")
    await files.remove("job_1", "00009-9.csv")
    expect((await files.names("job_1")).toSorted()).toEqual(["00001-1.csv", "00002-2.csv"])
    await files.removeAll("job_1")
    await files.removeAll("job_1")
    expect(await files.names("job_1")).toEqual([])
    expect(await files.names("job_10")).toEqual(["00001-1.csv"])
    expect(await files.jobIds()).toEqual(["job_10"])
  })
}
