import type { ResealCounts, ResealReport } from "./reseal.ts"

/** A report as sentences for the operator, and whether a stored token or secret still needs another key than the first. */
export function describeReseal(
  { tokens, signingSecrets, jobCursors }: ResealReport,
  sealingKeyId: string,
): { readonly lines: readonly string[]; readonly needsOlderKeys: boolean } {
  const needsOlderKeys = [tokens, signingSecrets].some(
    ({ changedMeanwhile, notOpened }) => changedMeanwhile > 0 || notOpened.size > 0,
  )
  return {
    needsOlderKeys,
    lines: [
      ...linesOf("tokens", tokens, sealingKeyId),
      ...linesOf("signing secrets of webhooks", signingSecrets, sealingKeyId),
      ...[...jobCursors].map(
        ([key, count]) => `cursors of jobs: ${count} need key ${key} until their jobs are purged`,
      ),
      needsOlderKeys
        ? "Keep every older key, see to the lines above, and run this again"
        : "Stored tokens and secrets need no older key. Consumers hold cursors that do: a cursor does not expire, so keep the older key until each consumer has begun an export since the new key became the first",
    ],
  }
}

function linesOf(name: string, counts: ResealCounts, sealingKeyId: string): string[] {
  const { current, resealed, changedMeanwhile, notOpened } = counts
  return [
    `${name}: ${current + resealed} are sealed with key ${sealingKeyId}, ${resealed} of them by this run`,
    ...(changedMeanwhile === 0 ? [] : [`${name}: ${changedMeanwhile} changed meanwhile`]),
    ...[...notOpened].map(
      ([key, count]) =>
        `${name}: ${count} cannot be opened, sealed with key ${key}: restore that key in TOKEN_KEYS, or their owners must connect again`,
    ),
  ]
}
