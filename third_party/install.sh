#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs from Debian 12 what building, testing and the demonstration need, as far as it is missing.
# As root it installs; as another user it says what to install.
set -eu

packages='
gcc libc6-dev cmake ninja-build pkgconf
liburing-dev libknot-dev liblmdb-dev libluajit-5.1-dev libcmocka-dev
clang-14 libclang-rt-14-dev llvm-14
nsd knot knot-dnsutils knot-dnssecutils iproute2 nftables openssl
python3 python3-dnspython python3-pytest
'

missing=
for package in $packages; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "third_party/install.sh: missing packages; as root run: apt-get install$missing" >&2
    exit 1
fi
echo "installing:$missing"
# nsd and knot bring services of their own; none may start on the machine because of us, neither now
# (policy-rc.d) nor at the next boot (update-rc.d; it knows systemd too).
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q >/dev/null
# shellcheck disable=SC2086
apt-get install -y -q --no-install-recommends $missing >/dev/null
for service in nsd knot; do
    case " $missing " in *" $service "*) update-rc.d "$service" disable ;; esac
done
