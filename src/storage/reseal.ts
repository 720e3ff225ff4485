import { CannotOpen } from "../errors.ts"
import type { SealBinding, Sealer } from "../sealer.ts"

/** A token or a signing secret as it is stored: sealed, or plain if an older service stored it. */
export type StoredSecret = {
  readonly kind: "token" | "signing_secret"
  /** Of its row or document. */
  readonly id: string
  readonly text: string
  readonly binding: SealBinding
}

/** Everything in a database that is sealed. Each method rejects with `database_unavailable`. */
export type StoredSecrets = {
  /** Every token and every signing secret, also of connections that are being disconnected or are malformed. */
  all(): AsyncIterable<StoredSecret>
  /** Replaces the text of a secret. Resolves to false and stores nothing if the text has changed meanwhile. */
  replace(secret: StoredSecret, text: string): Promise<boolean>
  /** The cursors in the records of jobs. */
  cursors(): AsyncIterable<string>
}

/** How many secrets of a kind there are, by what became of them. */
export type ResealCounts = {
  /** Sealed with the first key before. */
  current: number
  resealed: number
  /** Deleted, or sealed again by the running service. Another run finds out. */
  changedMeanwhile: number
  /** By the key that is not configured any more, or that did not open them. */
  readonly notOpened: Map<string, number>
}

export type ResealReport = {
  readonly tokens: ResealCounts
  readonly signingSecrets: ResealCounts
  /** Cursors in the records of jobs, by the older key that opens them. They are not sealed again. */
  readonly jobCursors: ReadonlyMap<string, number>
}

/**
 * Seals every token and signing secret with the first key, while the service runs: each is compared with what was read, so
 * a change of the service is never undone. May be repeated, also after it was interrupted.
 */
export async function reseal(secrets: StoredSecrets, sealer: Sealer): Promise<ResealReport> {
  const counts = { token: createCounts(), signing_secret: createCounts() }
  for await (const secret of secrets.all()) {
    await resealOne(secret, counts[secret.kind], { secrets, sealer })
  }
  const jobCursors = new Map<string, number>()
  for await (const cursor of secrets.cursors()) {
    const key = sealer.keyIdOf(cursor)
    if (key !== undefined && key !== sealer.sealingKeyId) increment(jobCursors, key)
  }
  return { tokens: counts.token, signingSecrets: counts.signing_secret, jobCursors }
}

async function resealOne(
  secret: StoredSecret,
  counts: ResealCounts,
  { secrets, sealer }: { readonly secrets: StoredSecrets; readonly sealer: Sealer },
): Promise<void> {
  const { text, binding } = secret
  const key = sealer.keyIdOf(text)
  try {
    const value = sealer.isSealed(text) ? await sealer.open(text, binding) : text
    if (key === sealer.sealingKeyId) counts.current += 1
    else if (await secrets.replace(secret, await sealer.seal(value, binding))) counts.resealed += 1
    else counts.changedMeanwhile += 1
  } catch (error) {
    if (!(error instanceof CannotOpen)) throw error
    increment(counts.notOpened, key ?? "unknown")
  }
}

function createCounts(): ResealCounts {
  return { current: 0, resealed: 0, changedMeanwhile: 0, notOpened: new Map() }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
