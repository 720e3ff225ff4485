import { defaultClient } from "../sandbox/sandbox.ts"

/** The environment variables that make a service use a sandbox instead of Mailchimp. */
export function serviceEnvironment(sandboxUrl: string): Record<string, string> {
  return {
    MAILCHIMP_CLIENT_ID: defaultClient.clientId,
    MAILCHIMP_CLIENT_SECRET: defaultClient.clientSecret,
    MAILCHIMP_AUTHORIZATION_URL: `${sandboxUrl}/oauth2/authorize`,
    MAILCHIMP_TOKEN_URL: `${sandboxUrl}/oauth2/token`,
    MAILCHIMP_DATACENTER_URL: `${sandboxUrl}/oauth2/metadata`,
    MAILCHIMP_API_URL: `${sandboxUrl}/{dc}/3.0`,
  }
}
