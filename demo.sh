#!/usr/bin/env bash
# Builds and starts the departures board. Needs the .NET 10 SDK and nothing else.
set -euo pipefail

# A script that starts this one in its background makes it deaf to SIGINT, and what it starts as well; that is undone.
if [[ $(trap -p INT) == *"''"* ]] && env --default-signal=INT true 2>/dev/null; then
  exec env --default-signal=INT "$BASH" "$0" "$@"
fi

usage() {
  cat <<'TEXT'
Usage: [PORT=5080] [DEPARTURES_SPEED=10] [HEADWATER_DATA=.data] ./demo.sh

Builds the departures board (once) and runs it on http://127.0.0.1:PORT until Ctrl-C.

  PORT              where to listen, on this machine only; 0 takes a free port
  DEPARTURES_SPEED  simulated minutes per second; 0 = no replay
  HEADWATER_DATA    folder of the database; delete it to begin again
TEXT
}

die() { printf '%s\n' "$@" >&2; exit 2; }

case "${1:-}" in
  '') ;;
  -h | --help) usage; exit ;;
  *) usage >&2; exit 2 ;;
esac

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$root/samples/Departures
app=$project/bin/Release/net10.0/Departures.dll
stamp=$project/obj/demo.stamp

data=${HEADWATER_DATA:-$root/.data}
[[ $data == /* ]] || data=$PWD/$data
export PORT=${PORT:-5080} DEPARTURES_SPEED=${DEPARTURES_SPEED:-10} HEADWATER_DATA=$data
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

# The SDK is chosen by the global.json that stands here.
cd "$root"
PATH=$PATH:${DOTNET_ROOT:-${HOME:-}/.dotnet}
dotnet --list-sdks 2>/dev/null | grep -q '^10\.' ||
  die 'The .NET 10 SDK is missing. Install it from https://dotnet.microsoft.com/download/dotnet/10.0,' \
    'or with: curl -sSL https://dot.net/v1/dotnet-install.sh | bash -s -- --channel 10.0'

# Asked before the build as well, so that nobody waits for it in vain.
if [[ $PORT =~ ^[1-9][0-9]*$ ]] && (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then
  die "Port $PORT is taken. Choose another one, as in: PORT=5081 ./demo.sh"
fi

# In a process group of its own, which an interrupted build is stopped with; no build server is left behind.
build() {
  set -m
  dotnet build "$project" --configuration Release --disable-build-servers -nodeReuse:false -p:UseSharedCompilation=false \
    --verbosity minimal --nologo </dev/null &
  local pid=$!
  set +m
  trap 'kill -- -'"$pid"' 2>/dev/null; wait; exit 130' INT TERM HUP
  wait "$pid" || die 'The build failed; what stands above says why.'
  trap - INT TERM HUP
}

is_built() {
  [[ -f $app && -f $stamp ]] &&
    [[ -z $(find "$root"/{src,samples,Directory.*,global.json} -newer "$stamp" -type f -not -path '*/bin/*' -not -path '*/obj/*' -print -quit) ]]
}

if ! is_built; then
  echo 'Building (the first time takes a minute, mostly for downloads) ...'
  mkdir -p "$(dirname "$stamp")"
  started=$(mktemp)
  trap 'rm -f "$started"' EXIT
  build
  touch -r "$started" "$stamp"
  rm -f "$started"
fi

# The application takes this script's place: whatever stops the one stops the other, and there is nothing to leave behind.
echo 'Starting ...'
exec dotnet "$app"
