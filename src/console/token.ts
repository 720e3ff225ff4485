/** As much of the browser as a token needs. */
type Address = { readonly hash: string; readonly pathname: string }
type History = { replaceState(state: null, unused: string, url: string): void }

export function hasToken({ hash }: Pick<Address, "hash">): boolean {
  return new URLSearchParams(hash.slice(1)).has("token")
}

/** Takes the token out of the address's fragment, which no request sends, and removes it from the address and the history. */
export function takeToken({ hash, pathname }: Address, history: History): string | undefined {
  const token = new URLSearchParams(hash.slice(1)).get("token")
  if (hash !== "") history.replaceState(null, "", pathname)
  return token?.trim() || undefined
}
