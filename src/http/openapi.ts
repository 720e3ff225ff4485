/** The head of /openapi.json; the rest is generated from the routes' own declarations. */
export function openapiDocument(publicUrl: string) {
  return {
    openapi: "3.1.0",
    info: {
      title: "mailchimp-export",
      version: "1",
      description: "Connect a Mailchimp account once, then stream every member of it.",
    },
    servers: [{ url: publicUrl }],
  }
}
