import type { Command } from "commander"

/** Adds the options of every command that talks to the service. */
export function withService(command: Command): Command {
  return command
    .option("--token-file <file>", "a file that has the token; read for each request, so it may be renewed")
    .option("--sub-account <id>", "act for this sub-account")
}
