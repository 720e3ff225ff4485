/** An app registered at Mailchimp. */
export type OAuthClient = {
  clientId: string
  clientSecret: string
  /** The redirect URI, compared exactly; if it is undefined, any http(s) URI is accepted. */
  redirectUri?: string
}

/** The app and the redirect URI of an authorize request, or why no browser may be redirected. */
export function checkClient(
  clients: readonly OAuthClient[],
  params: URLSearchParams,
): { client: OAuthClient; redirectUri: string } | string {
  const client = clients.find(({ clientId }) => clientId === params.get("client_id"))
  if (!client) return "The client_id is not registered"
  const redirectUri = params.get("redirect_uri") ?? ""
  const accepted =
    client.redirectUri === undefined
      ? /^https?:$/.test(URL.parse(redirectUri)?.protocol ?? "")
      : redirectUri === client.redirectUri
  return accepted ? { client, redirectUri } : "The redirect_uri does not match the one that is registered"
}
