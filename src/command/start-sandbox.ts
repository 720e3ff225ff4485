import type { Service } from "../client/request.ts"

/** Starts a sandbox Mailchimp and a service that is connected to it. */
export type StartSandbox = () => Promise<AsyncDisposable & { readonly service: Service }>
