#!/bin/sh
# Installs what a build (`build`), the tests (`test`) and the lints (`lint`) need, where it is missing: Debian packages,
# for which it needs root or sudo, and Cargo's commands.
set -eu
missing=
need() { # COMMAND PACKAGE
  command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
for part in "$@"; do
  case $part in
  build)
    need c++ g++
    need cmake cmake
    need ccache ccache
    need clang clang
    ls /usr/lib/llvm-*/lib/libclang*.so* >/dev/null 2>&1 || missing="$missing libclang-dev"
    ;;
  test)
    need chromium chromium
    command -v firefox >/dev/null 2>&1 || need firefox-esr firefox-esr
    need openssl openssl
    need python3 python3
    python3 -c 'import ensurepip' >/dev/null 2>&1 || missing="$missing python3-venv"
    ;;
  bench) ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql" ;;
  esac
done
if [ -n "$missing" ]; then
  echo "Installing Debian packages:$missing"
  sudo=
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq
  # shellcheck disable=SC2086 # a list of words
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null
fi
# Quick to build, since they do not work long. Not in our target folder, and not by our flags.
command_of_cargo() { # NAME
  command -v "$1" >/dev/null 2>&1 || (cd / && cargo install --locked --debug "$1")
}
case " $* " in *" test "*) command_of_cargo cargo-nextest ;; esac
case " $* " in *" lint "*) command_of_cargo cargo-deny ;; esac
