# Stops what nodes.sh has started and removes its folder, once the pipe it reads from is closed: whoever held it has ended.
folder=$1

has_ended() {
  local pid tries
  for ((tries = 0; tries < 500; tries++)); do
    for pid in $1; do
      kill -0 "$pid" 2>/dev/null && sleep 0.02 && continue 2
    done
    return
  done
  return 1
}

end() {
  local signal=$1 pids=$2
  [[ -n $pids ]] || return
  kill -"$signal" $pids 2>/dev/null
  has_ended "$pids" || kill -KILL $pids 2>/dev/null
}

cat >/dev/null
end TERM "$(cat "$folder"/*.pid 2>/dev/null | tr '\n' ' ')"
# The server's first line is its process; to INT it answers with a fast and orderly end.
end INT "$(head -n 1 "$folder/postgres/data/postmaster.pid" 2>/dev/null)"
rm -rf "$folder"
