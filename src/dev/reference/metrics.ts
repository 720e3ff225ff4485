import { blocks, code, sentence, table } from "./markdown.ts"

/** Every metric, from the text of a scrape, which names also those that have no value yet. */
export function metricsPart(scraped: string): string {
  const rows = [...scraped.matchAll(/^# HELP (\w+) (.*)\n# TYPE \w+ (\w+)$/gm)].map(
    ([, name = "", help = "", type = ""]) => [code(name), type, sentence(help)],
  )
  return blocks(
    "## Metrics",
    "At `/metrics`, for Prometheus. [operations.md](operations.md#metrics-and-alerts) says who may read them, and which alerts are made of them. No label names an account, a user, a list or a connection.",
    table(["metric", "type", "meaning"], rows),
  )
}
