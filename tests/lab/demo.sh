#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Shows the main job: builds troupe, starts a small Internet in a network namespace, resolves in it.
#
#   sh tests/lab/demo.sh          asks its questions, then gives you a shell inside the lab
#   sh tests/lab/demo.sh --once   ends by itself; exit code 0: every answer was as expected
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)

outside() {
    cd "$top"
    sh third_party/install.sh
    mkdir -p build
    echo "building ..."
    cmake --workflow --preset release >build/demo.log 2>&1 || { tail -n 50 build/demo.log; exit 1; }
    exec /usr/bin/python3 "$here/lab.py" run "$top/build/lab-demo" -- sh "$here/demo.sh" inside "$@"
}

resolver=10.53.100.1
failures=0

# question EXPECTED NAME TYPE WHY [kdig options]: asks, shows, compares the words of the answer.
question() {
    expected=$1 name=$2 type=$3 why=$4
    shift 4
    printf '\n\033[1m%s %s\033[0m  (%s)\n' "$name" "$type" "$why"
    reply=$(kdig "@$resolver" +timeout=8 +retry=0 "$@" "$name" "$type" 2>&1) || true
    printf '%s\n' "$reply" | sed -n -e '/^[^;]/{s/^/    /p;d;}' -e 's/^;; From \(.*\)/    \1/p' \
        -e 's/^;; ->>HEADER<<- opcode: QUERY; status: \([A-Z]*\);.*/    \1/p'
    # shellcheck disable=SC2254
    case "$reply" in
    *$expected*) ;;
    *)
        printf '    \033[31mexpected: %s\033[0m\n' "$expected"
        failures=$((failures + 1))
        ;;
    esac
}

ask_questions() {
    question 192.0.0.0 h00.z00.alpha. A 'root, TLD, zone: three referrals, minimised names'
    question 192.0.0.0 H00.z00.ALPHA. A 'the same from the cache, in other letters'
    question 192.0.0.0 c1.z00.alpha. A 'a chain of three CNAMEs'
    question z02.beta. moved.z00.alpha. DNAME 'a whole subtree lives elsewhere'
    question 192.0.27.3 h03.moved.z00.alpha. A 'through that DNAME into another TLD'
    question 192.0.1.5 h05.z01.alpha. A 'a glueless delegation: its servers live in beta.'
    question 192.0.3.7 h07.z03.alpha. A 'servers that speak IPv6 only'
    question 2001:db8:150::1 www.v6only.six. AAAA 'a whole TLD on IPv6 only'
    question 192.0.5.9 h09.z05.alpha. A 'one server is lame'
    question 192.0.7.9 h09.z07.alpha. A 'one server is dead'
    question 192.0.8.200 any.thing.wild.z08.alpha. A 'a wildcard'
    question NXDOMAIN nope.z00.alpha. A 'no such name, with its SOA'
    question 192.0.50.1 h01.z00.gamma. A 'a signed zone, with its signature' +dnssec
    question 192.0.151.1 www.tcponly.odd. A 'truncated over UDP: TCP'
    question 192.0.151.6 www.wrongid.odd. A 'a forged reply comes first: it does not win'
    question 192.0.151.5 www.noedns.odd. A 'a server from before EDNS'
    question SERVFAIL a.nxns.odd. A 'NXNSAttack: the budget ends it'
    question SERVFAIL a.nxns.odd. A 'and the failure is remembered'
}

inside() {
    work=$(mktemp -d)
    cat >"$work/config" <<EOT
net.listen('$resolver', 53)
net.outgoing_v4('$resolver')
hints.root_file('$LAB_HINTS')
cache.size = 100 * MB
EOT
    "$top/build/release/bin/trouped" -n -f 2 -c config "$work" >>"$work/log" 2>&1 &
    pid=$!
    trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; rm -rf "$work"' EXIT INT TERM
    tries=0
    until grep -q ready "$work/log"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 200 ] || ! kill -0 "$pid" 2>/dev/null; then
            cat "$work/log"
            exit 1
        fi
        sleep 0.05
    done
    cat "$work/log"
    ask_questions
    printf '\n\033[1mthe troupe at work\033[0m\n'
    : >"$work/log"
    kill -USR2 "$pid"
    sleep 0.5
    cat "$work/log"
    if [ "${1:-}" = --once ]; then
        kill "$pid"
        wait "$pid" || failures=$((failures + 1))
        trap 'rm -rf "$work"' EXIT
        printf '\n%s\n' "$([ "$failures" = 0 ] && echo 'all answers as expected' || echo "$failures unexpected")"
        exit "$([ "$failures" = 0 ] && echo 0 || echo 1)"
    fi
    cat <<EOT

trouped runs inside the lab, process $pid, folder $work.
Try:  kdig @$resolver h12.z13.delta. AAAA      kdig @$resolver +tcp z00.gamma. NS
      kill -USR2 $pid; cat $work/log           (statistics, actors)
Leave with exit or Ctrl-D.
EOT
    if [ -t 0 ]; then
        PS1='lab$ ' sh -i || true
    else
        wait "$pid"
    fi
}

if [ "${1:-}" = inside ]; then
    shift
    inside "$@"
else
    outside "$@"
fi
