#!/usr/bin/env bash
# Builds and starts the departures board. Needs the .NET 10 SDK, and with SQLite nothing else.
set -euo pipefail

# A script that starts this one in its background makes it deaf to SIGINT, and what it starts as well; that is undone.
if [[ $(trap -p INT) == *"''"* ]] && env --default-signal=INT true 2>/dev/null; then
  exec env --default-signal=INT "$BASH" "$0" "$@"
fi

usage() {
  cat <<'TEXT'
Usage: [PORT=5080] [DEPARTURES_SPEED=10] [HEADWATER_DATA=.data] ./demo.sh [--postgres [--nodes N]]

Builds the departures board (once) and runs it on http://127.0.0.1:PORT until Ctrl-C.

  --postgres        on PostgreSQL instead of SQLite; it is installed if missing, and the database is gone afterwards
  --nodes N         N nodes (1 to 9) on the ports after PORT, which share the database behind nginx, installed if missing

  PORT              where to listen, on this machine only; 0 takes a free port
  DEPARTURES_SPEED  simulated minutes per second; 0 = no replay
  HEADWATER_DATA    folder of the SQLite database; delete it to begin again
  HEADWATER_POSTGRES  an Npgsql connection string: that database is used, and what is written there stays
TEXT
}

die() { printf '%s\n' "$@" >&2; exit 2; }
misused() { printf '%s\n\n' "$1" >&2; usage >&2; exit 2; }

postgres= nodes=
while (($# > 0)); do
  case $1 in
    -h | --help) usage; exit ;;
    --postgres) postgres=yes ;;
    --nodes) nodes=${2-}; shift $(($# > 1)) ;;
    --nodes=*) nodes=${1#*=} ;;
    *) misused "Unknown argument: $1" ;;
  esac
  [[ $1 == --postgres || $nodes =~ ^[1-9]$ ]] || misused "--nodes is '$nodes'; expected a number of nodes, 1 to 9."
  shift
done
[[ -z $nodes || -n $postgres ]] || misused '--nodes goes with --postgres: several nodes share a PostgreSQL database.'
nodes=${nodes:-1}

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

is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The first of so many free ports in a row, below those the system gives to outgoing connections.
free_ports() {
  local first port
  while true; do
    first=$((15000 + RANDOM % 15000))
    for ((port = first; port < first + $1; port++)); do
      if is_taken "$port"; then continue 2; fi
    done
    echo "$first"
    return
  done
}

# Asked before the build as well, so that nobody waits for it in vain.
if [[ $PORT =~ ^[1-9][0-9]*$ ]]; then
  for ((port = PORT; port <= PORT + (nodes == 1 ? 0 : nodes); port++)); do
    if is_taken "$port"; then die "Port $port is taken. Choose another one, as in: PORT=$((port + 1)) ./demo.sh"; fi
  done
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

if [[ -n $postgres && ($nodes != 1 || -z ${HEADWATER_POSTGRES:-}) ]]; then
  . scripts/install.sh
  . samples/Departures/deploy/nodes.sh
  run_nodes
fi

# The application takes this script's place: whatever stops the one stops the other, and there is nothing to leave behind.
echo 'Starting ...'
exec dotnet "$app"
