/** Tests that need Python are skipped on a machine without it. */
export const hasPython = Bun.which("python3") !== null

/** Reads CSV with Python's csv module, and without any conversion of line ends. */
export async function readCsvWithPython(text: string, delimiter = ","): Promise<string[][]> {
  const program =
    "import csv, io, json, sys; csv.field_size_limit(10**9); " +
    "text = io.TextIOWrapper(sys.stdin.buffer, encoding='utf-8', newline=''); " +
    "json.dump(list(csv.reader(text, delimiter=sys.argv[1])), sys.stdout)"
  const python = Bun.spawn(["python3", "-c", program, delimiter], {
    stdin: Buffer.from(text),
    stdout: "pipe",
    stderr: "inherit",
  })
  const output = await python.stdout.text()
  return JSON.parse(output)
}
