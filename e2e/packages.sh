#!/usr/bin/env bash
# Installs the Debian packages that the tests below this folder need and that are
# missing. It needs root for that, and without it says what is missing and fails.
set -euo pipefail
packages=(
  bind9 bind9-dnsutils bind9-utils dnsperf dnsviz knot knot-dnssecutils ldnsutils nsd unbound zonemaster-cli # dns
  chromium                                                                                                   # browser
  chromium nginx                                                                                             # http2
  libnginx-mod-http-headers-more-filter libnginx-mod-http-lua nginx                                          # nginx
  testssl.sh                                                                                                 # tls
  bird2 conntrack containerd containernetworking-plugins curl iproute2 iputils-arping nftables runc          # cluster
  prometheus                                                                                                 # chart
)

# axe-core comes from the npm registry; Node.js from elsewhere has npm, too.
command -v npm >/dev/null || packages+=(npm) # browser

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
  echo "make e2e needs root, to install: ${missing[*]}" >&2
  exit 1
fi

# The tests start the servers that they want; none is to take this machine's
# port 53.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' > $policy
  chmod +x $policy
  trap 'rm -f $policy' EXIT
fi
echo "installing ${missing[*]}"
install() { # a mirror may be slow for a moment, and another apt at work
  local options=(-q -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300)
  apt-get "${options[@]}" update &&
    DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" install -y --no-install-recommends "${missing[@]}"
}
install || { sleep 30; install; }
