// Preloaded into a service process: answers every request at a socket with a snapshot of the process's heap.
Bun.serve({
  unix: process.env["PROBE_SOCKET"] ?? "",
  fetch: () => {
    Bun.gc(true)
    return new Response(Bun.generateHeapSnapshot("v8"))
  },
})
