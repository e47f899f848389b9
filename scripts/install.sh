# Installs programs that demo.sh and test.sh need, from the distribution's packages. It is read by them, not run.

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else echo "This needs root: $*. Run it as root, or install sudo." >&2; return 1
  fi
}

# Some packages start a service at once, which nobody asked for here.
install_packages() {
  if ! command -v apt-get >/dev/null; then
    echo "Missing: $*. Install it; without apt-get this script cannot." >&2
    return 1
  fi
  as_root apt-get update -qq &&
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Where the programs of the newest PostgreSQL of the distribution are; nothing if there is none.
postgres_programs() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1 | xargs -r dirname
}

install_postgres() {
  install_packages postgresql-common || return 1
  # Clusters are made where they are needed; the one the package would make and start is not wanted.
  as_root sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
  install_packages postgresql
}

# Where a server's program is; its folder is not in everybody's PATH.
server_program() {
  PATH=$PATH:/usr/sbin command -v "$1"
}

# Installs a server whose package would start it at once and at every boot.
install_server() {
  if [ -d /run/systemd/system ]; then as_root systemctl mask --runtime "$1.service" || true; fi
  install_packages "$1" || return 1
  if [ -d /run/systemd/system ]; then
    as_root systemctl unmask --runtime "$1.service"
    as_root systemctl disable "$1.service"
  fi
}
