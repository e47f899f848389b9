# Runs the board on PostgreSQL: the server, unless HEADWATER_POSTGRES names one, the nodes, and nginx in front of several. demo.sh
# reads it and calls run_nodes.

folder=
declare -A node_of=()
declare -a pid_of=()
nginx_pid=

is_healthy() (
  exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
  printf 'GET /health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&3
  read -r -t 5 line <&3 && [[ $line == *' 200 '* ]]
) 2>/dev/null

# PostgreSQL's programs refuse to run as root.
as_server() {
  if [[ $(id -u) == 0 ]]; then runuser -u postgres -- "$@"; else "$@"; fi
}

# What is started leaves nothing behind, however this script ends: the guard clears away as soon as nobody holds its pipe any more.
# So nobody else may hold it, which is what '9>&-' is for below. It has a session of its own, which Ctrl-C does not reach.
post_guard() {
  folder=$(mktemp -d "${TMPDIR:-/tmp}/headwater-demo.XXXXXX")
  chmod 755 "$folder"
  exec 9> >(exec setsid bash "$root/samples/Departures/deploy/clear.sh" "$folder")
  guard=$!
  trap clear_away EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
}

clear_away() {
  trap '' INT TERM HUP
  echo 'Stopping ...'
  exec 9>&-
  wait "$guard"
}

start_postgres() {
  local port password more
  if [[ -z $(postgres_programs) ]]; then
    echo 'Installing PostgreSQL ...'
    install_postgres 9>&- || die 'PostgreSQL could not be installed. Install it, or name a server with HEADWATER_POSTGRES.'
  fi
  port=$(free_ports 1)
  password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  echo "Starting PostgreSQL on 127.0.0.1:$port, with a database that goes with it ..."
  mkdir "$folder/postgres"
  [[ $(id -u) != 0 ]] || chown postgres: "$folder/postgres"
  more="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200"
  (
    cd "$folder/postgres"
    umask 077
    as_server tee password <<<"$password" >/dev/null
    as_server "$(postgres_programs)/initdb" -D data -U postgres -A scram-sha-256 --pwfile=password -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
    as_server "$(postgres_programs)/pg_ctl" start -D "$folder/postgres/data" -s -w -t 60 -l log -o "$more" 9>&- </dev/null
  ) || die "PostgreSQL did not start:$(tail -n 5 "$folder/postgres/log" 2>/dev/null | sed $'1s/^/\\\n/')"
  export HEADWATER_POSTGRES="Host=127.0.0.1;Port=$port;Database=postgres;Username=postgres;Password=$password;Maximum Pool Size=20"
}

# Lines of several nodes are told apart by a number.
start_node() {
  local number=$1 port=$2
  if ((nodes == 1)); then
    PORT=$port setsid dotnet "$app" </dev/null 9>&- &
  else
    PORT=$port setsid dotnet "$app" </dev/null 9>&- > >(exec setsid sed -u "s/^/node $number: /" 9>&-) 2>&1 &
  fi
  pid_of[number]=$!
  node_of[$!]=$number
  echo "$!" >"$folder/node-$number.pid"
}

wait_for_node() {
  local number=$1 port=$2 tries
  for ((tries = 0; tries < 600; tries++)); do
    is_healthy "$port" && return
    kill -0 "${pid_of[number]}" 2>/dev/null || die "Node $number ended; what stands above says why."
    sleep 0.1
  done
  die "Node $number is not ready after a minute; http://127.0.0.1:$port/health/detail may say why."
}

start_nginx() {
  local number
  if [[ -z $(server_program nginx) ]]; then
    echo 'Installing nginx ...'
    install_server nginx 9>&- || die 'nginx could not be installed. Install it, or run one node.'
  fi
  cp "$root/samples/Departures/deploy/nginx.conf" "$folder"
  echo "listen 127.0.0.1:$PORT;" >"$folder/listen.conf"
  for ((number = 1; number <= nodes; number++)); do
    echo "server 127.0.0.1:$((PORT + number)) max_fails=1 fail_timeout=1s;"
  done >"$folder/nodes.conf"
  setsid "$(server_program nginx)" -p "$folder" -c "$folder/nginx.conf" -g 'daemon off;' </dev/null 9>&- &
  nginx_pid=$!
  until is_healthy "$PORT"; do
    kill -0 "$nginx_pid" 2>/dev/null || die 'nginx ended; what stands above says why.'
    sleep 0.1
  done
}

run_nodes() {
  local number ended code
  [[ $PORT =~ ^(0|[1-9][0-9]*)$ ]] && ((PORT + nodes <= 65535)) || die "PORT is '$PORT'; expected a port with $nodes more above it, or 0."
  ((PORT != 0)) || PORT=$(free_ports $((nodes + 1)))
  post_guard
  if [[ -n ${HEADWATER_POSTGRES:-} ]]; then
    echo 'Using the database that HEADWATER_POSTGRES names; what is written there stays.'
  else
    start_postgres
  fi

  if ((nodes == 1)); then
    echo 'Starting the board ...'
    start_node 1 "$PORT"
    wait_for_node 1 "$PORT"
  else
    echo "Starting $nodes nodes on ports $((PORT + 1)) to $((PORT + nodes)), and nginx in front ..."
    for ((number = 1; number <= nodes; number++)); do start_node "$number" $((PORT + number)); done
    for ((number = 1; number <= nodes; number++)); do wait_for_node "$number" $((PORT + number)); done
    start_nginx
    for ((number = 1; number <= nodes; number++)); do
      echo "Node $number is process ${pid_of[number]}. After 'kill -9 ${pid_of[number]}' the page goes on at another one, and this starts again."
    done
    echo "All nodes are behind http://127.0.0.1:$PORT"
  fi

  while true; do
    code=0
    # The shell's own word about one that was killed is said better below.
    { wait -n -p ended "${pid_of[@]}" ${nginx_pid:+"$nginx_pid"} || code=$?; } 2>/dev/null
    [[ -n ${ended:-} ]] || continue
    number=${node_of[$ended]:-}
    [[ -n $number ]] || die "nginx ended with $code; what stands above says why."
    ((code == 137)) || die "Node $number ended with $code; what stands above says why."
    unset "node_of[$ended]"
    start_node "$number" $((nodes == 1 ? PORT : PORT + number))
    echo "Node $number was killed and starts again, as process ${pid_of[number]}."
  done
}
