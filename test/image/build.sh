#!/usr/bin/env bash
# Builds the image without a daemon, starts it, and looks at what it says: run by hand as root on Debian, after
# apt-get install buildah debootstrap. The base image is made from Debian's packages and the Bun that is installed here.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
buildah() { command buildah --root "$work/store" --runroot "$work/run" "$@"; }
trap 'buildah rm --all >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

echo "== The base image"
debootstrap --variant=minbase bookworm "$work/debian" >/dev/null
install -D "$(readlink -f "$(command -v bun)")" "$work/debian/usr/local/bin/bun"
base=$(buildah from scratch)
buildah add --quiet "$base" "$work/debian" / >/dev/null
# Behind a gateway of its own authority the packages are fetched with it. The image does not contain it.
if [ -n "${NODE_EXTRA_CA_CERTS:-}" ]; then
  buildah copy --quiet "$base" "$NODE_EXTRA_CA_CERTS" /authority.pem >/dev/null
  buildah config --env NODE_EXTRA_CA_CERTS=/authority.pem "$base"
fi
buildah commit --quiet "$base" localhost/bun:base >/dev/null

echo "== The Dockerfile"
SECONDS=0
buildah bud --quiet --pull-never --format docker --build-arg BUN_IMAGE=localhost/bun:base --tag service . >/dev/null
echo "built in $SECONDS s"
buildah images --format '{{.Size}} {{.Name}}' | grep 'service$'

echo "== Started"
container=$(buildah from --pull-never localhost/service)
port=$(bun -e 'const s = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } }); console.log(s.port); s.stop()')
run() {
  buildah run --env JWT_SECRET=only-to-try-the-image-only-to-try-the-image \
    --env TOKEN_KEYS=try:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
    --env MAILCHIMP_CLIENT_ID=try --env MAILCHIMP_CLIENT_SECRET=try --env PORT="$1" \
    "$container" -- /mailchimp-export-service "${@:2}"
}
run "$port" &
running=$!
for _ in $(seq 200); do curl -sf "http://127.0.0.1:$port/readyz" && break || sleep 0.05; done
echo
# The last of the descendants is the service itself.
pid=$running
while child=$(pgrep -P "$pid" | tail -1) && [ -n "$child" ]; do pid=$child; done
grep -E '^(Name|Uid|Gid):' "/proc/$pid/status"
ls "/proc/$pid/root/"
stat --format '%a %u %n' "/proc/$pid/root/data" "/proc/$pid/root/tmp"
run "$port" health && echo "health: ended with 0"
if run 1 health; then exit 1; else echo "health of another port: ended with 1"; fi
run "$port" reseal
curl -s "http://127.0.0.1:$port/docs" | grep -o '<section' | wc -l | sed 's/$/ sections in the docs/'
kill -TERM "$pid"
wait "$running" && echo "SIGTERM: ended with 0"
