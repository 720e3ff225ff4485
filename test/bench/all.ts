/** Every benchmark, one after the other: `bun run bench`. Each can be run alone as well. They read /proc, so they need Linux. */
for (const name of [
  "peers",
  "selections",
  "speed",
  "split",
  "parallel",
  "memory",
  "wide",
  "stall",
  "stalled",
  "leave",
  "churn",
  "cuts",
  "csv",
  "formats",
  "deliveries",
  "telemetry",
  "soak",
  "jobs",
  "follow",
  "console",
  "replicas",
  "replica-pairs",
  "replica-accounts",
  "replica-faults",
]) {
  const { exitCode } = Bun.spawnSync([process.execPath, `${import.meta.dir}/${name}.ts`], {
    stdout: "inherit",
    stderr: "inherit",
  })
  if (exitCode !== 0) process.exitCode = 1
}
