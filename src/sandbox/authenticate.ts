import { problemResponse } from "./api/problems.ts"
import type { Settings } from "./settings.ts"
import type { Account } from "./account.ts"
import type { State } from "./state.ts"

const apiPath = /^\/(?:([a-z]+\d+)\/)?3\.0(?:\/|$)/

/** The account of a request to the API, or also the response that refuses it. OAuth's own addresses need no account. */
export function authenticate(
  request: Request,
  state: State,
  { wrongDataCenterWith }: Pick<Settings, "wrongDataCenterWith">,
): { account: Account | undefined; refusal?: Response } {
  const path = apiPath.exec(new URL(request.url).pathname)
  if (!path) return { account: undefined }
  const token = /^Bearer (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1]
  if (token === undefined) return { account: undefined, refusal: problemResponse("api_key_missing") }
  const account = state.accountOfToken(token)
  if (!account) return { account, refusal: problemResponse("api_key_invalid") }
  if (account.disabled) return { account, refusal: problemResponse("user_disabled") }
  const dc = path[1]
  if (dc !== undefined && dc !== account.dc) return { account, refusal: problemResponse(wrongDataCenterWith) }
  return { account }
}
