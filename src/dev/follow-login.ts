/** One redirect of a login. */
export type LoginStep = { readonly status: number; readonly isService: boolean; readonly path: string }

/**
 * Follows the redirects as a browser does: login, consent, callback, forward URL. Returns the forward URL.
 *
 * @throws Error if the account is not connected then
 */
export async function followLogin(
  api: string,
  headers: Readonly<Record<string, string>>,
  {
    forwardUrl,
    onStep = () => {},
  }: { readonly forwardUrl: string; readonly onStep?: (step: LoginStep) => void },
): Promise<string> {
  let next = `${api}/auth/login?forward_url=${encodeURIComponent(forwardUrl)}`
  let cookie = ""
  while (!next.startsWith(forwardUrl)) {
    const { origin, pathname: path } = new URL(next)
    const isService = origin === new URL(api).origin
    const response = await fetch(next, {
      redirect: "manual",
      headers: isService ? { ...headers, cookie } : {},
    })
    const location = response.headers.get("location")
    if (location === null)
      throw new Error(`Cannot connect: ${path} responded with ${response.status}: ${await response.text()}`)
    cookie = response.headers.getSetCookie()[0]?.split(";")[0] ?? cookie
    onStep({ status: response.status, isService, path })
    next = location
  }
  if (new URL(next).searchParams.get("status") !== "success") throw new Error(`Cannot connect: ${next}`)
  return next
}
