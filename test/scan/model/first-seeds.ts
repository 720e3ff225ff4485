/**
 * The first seed at which the model notices that a rule is missing, by the rule's name. Made by take-out-rules.ts, so that
 * `--third N` need not run all schedules before it.
 */
export const firstSeeds: Readonly<Record<string, number>> = {}
