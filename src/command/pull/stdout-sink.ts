import type { Output } from "../terminal.ts"
import type { Sink } from "./sink.ts"

/** Writes rows as soon as they arrive. What was written stays written, so a resumed export repeats some rows. */
export async function openStdout(stdout: Output, header: string): Promise<Sink> {
  if (header !== "") await stdout.write(header)
  return {
    position: {},
    rows: 0,
    isIncrement: false,
    write: (bytes) => stdout.write(bytes),
    checkpoint: async () => {},
    rewind: async () => {},
    complete: async () => "the standard output",
    abandon: async () => {},
  }
}
