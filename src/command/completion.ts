import type { Command } from "commander"

export const shells = ["bash", "zsh", "fish"] as const
export type Shell = (typeof shells)[number]

/** A script that completes commands and options, made from the program itself. */
export function toCompletion(shell: Shell, program: Command): string {
  const commands = program.commands.map((command) => ({
    name: command.name(),
    summary: command.summary().replaceAll("'", ""),
    words: [...command.commands.map((sub) => sub.name()), ...flagsOf(command), "--help"],
  }))
  const name = program.name()
  if (shell === "fish")
    return [
      ...commands.map(
        (command) =>
          `complete -c ${name} -f -n __fish_use_subcommand -a ${command.name} -d '${command.summary}'`,
      ),
      ...commands.flatMap((command) =>
        command.words.map(
          (word) =>
            `complete -c ${name} -n '__fish_seen_subcommand_from ${command.name}' ${toFishOption(word)}`,
        ),
      ),
      "",
    ].join("\n")
  const cases = commands
    .map((command) => `    ${command.name}) words="${command.words.join(" ")}" ;;`)
    .join("\n")
  const bash = `_mailchimp_export() {
  local words
  case "\${COMP_WORDS[1]}" in
${cases}
  esac
  [ "$COMP_CWORD" -eq 1 ] && words="${commands.map(({ name }) => name).join(" ")}"
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _mailchimp_export ${name}
`
  return shell === "zsh"
    ? `autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n${bash}`
    : bash
}

/** The options of a command and of its subcommands. */
function flagsOf(command: Command): Set<string> {
  const options = [command, ...command.commands].flatMap(({ options }) => options)
  return new Set(options.flatMap(({ long }) => long ?? []))
}

function toFishOption(word: string): string {
  return word.startsWith("--") ? `-l ${word.slice(2)}` : `-f -a ${word}`
}
