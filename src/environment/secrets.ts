import { splitList } from "./values.ts"
import { variables } from "./variables.ts"

/** The variables whose whole value is a secret. */
const secretVariables = [
  "JWT_SECRET",
  "MAILCHIMP_CLIENT_SECRET",
  "MONGODB_URI",
  "TOKEN_KEYS",
  "METRICS_TOKEN",
  "S3_SECRET_ACCESS_KEY",
]
/** Bun reads these variables itself. */
const proxyVariables = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"]

/** Every secret in the environment, even an invalid one: whole values, keys, and the passwords in URLs. */
export function secretsOf(env: Readonly<Record<string, string | undefined>>): string[] {
  const names = [...new Set([...variables.map(({ name }) => name), ...secretVariables, ...proxyVariables])]
  const secrets = names.flatMap((name) => {
    const value = env[name]?.trim() ?? ""
    return [
      ...(secretVariables.includes(name) ? [value, ...keysIn(name, value)] : []),
      ...credentialsIn(value),
    ]
  })
  return [...new Set(secrets)].filter((secret) => secret !== "")
}

function keysIn(name: string, value: string): string[] {
  return name === "TOKEN_KEYS" ? splitList(value).map((item) => item.slice(item.indexOf(":") + 1)) : []
}

/**
 * The password before the host, or the user name if there is no password, because the user name is then a token; and
 * the secret parameters of the query. Parsed by hand, because a MongoDB URI may name several hosts and is then not a
 * valid URL.
 */
function credentialsIn(uri: string): string[] {
  const userInfo = /^(?:[a-z][a-z\d+.-]*:\/\/)?([^/?#\s]*)@/i.exec(uri)?.[1]
  const named = uri.matchAll(/(?:pass(?:word|wd)?|token|secret|signature|api_?key)[=:]([^&,#\s]+)/gi)
  const password = userInfo?.includes(":") ? userInfo.slice(userInfo.indexOf(":") + 1) : userInfo
  const raw = [password ?? "", ...[...named].map(([, value = ""]) => value)]
  return raw.flatMap((text) => [text, decoded(text)])
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
