import type { Flow } from "../../src/mailchimp/limiter/limiter.ts"
import type { Permit } from "../../src/mailchimp/limiter/permits.ts"

const { signal } = new AbortController()

/** Acquires `count` permits and keeps them. */
export async function take(flow: Flow, count: number): Promise<Permit[]> {
  return Promise.all(Array.from({ length: count }, () => flow.acquire(signal)))
}

export function disposeAll(permits: readonly Permit[]) {
  for (const permit of permits) permit[Symbol.dispose]()
}
