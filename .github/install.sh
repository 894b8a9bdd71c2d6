#!/bin/sh
# Installs mq: one file, checked against the SHA256SUMS of its release, and its attestation where gh is there. Any POSIX shell; nothing needs root.
#   curl -fsSL https://github.com/OWNER/mq/releases/latest/download/install.sh | sh
#   sh install.sh --version v0.1.0 --dir ~/bin
#   sh install.sh --from /media/usb        a folder with mq-linux-x64 (or its like) and SHA256SUMS; no network
# The release sets the repository here; in a copy of the sources it is given.
repository=${MQ_REPOSITORY:-}

set -eu

usage() {
  cat <<'END'
Usage: install.sh [--version VERSION] [--dir DIR] [--from DIR] [--repository OWNER/NAME]
  --version VERSION        a release, as v0.1.0 (the latest)
  --dir DIR                where mq goes (~/.local/bin)
  --from DIR               a folder that holds the release, instead of the network
  --repository OWNER/NAME  whose releases at GitHub (MQ_REPOSITORY; MQ_RELEASES: the whole address, up to /releases)
END
}

fail() { # exit status, message, hint
  printf 'install: %s\n' "$2" >&2
  [ -z "${3:-}" ] || printf 'hint: %s\n' "$3" >&2
  exit "$1"
}

# Whole or not at all: a download of this script that broke off runs nothing.
main() {
  version='' dir='' from=''
  while [ $# -gt 0 ]; do
    case $1 in
      --help | -h) usage; exit 0 ;;
      --version | --dir | --from | --repository)
        [ $# -gt 1 ] && [ -n "$2" ] || fail 64 "$1 needs a value" 'install.sh --help'
        case $1 in
          --version) version=$2 ;;
          --dir) dir=$2 ;;
          --from) from=$2 ;;
          --repository) repository=$2 ;;
        esac
        shift 2 ;;
      *) fail 64 "there is no option $1" 'install.sh --help' ;;
    esac
  done
  case $version in
    '' | v[0-9]*) ;;
    [0-9]*) version=v$version ;;
    *) fail 64 "a version is written v0.1.0, not '$version'" ;;
  esac
  case $version in *[!A-Za-z0-9.+-]*) fail 64 "a version is written v0.1.0, not '$version'" ;; esac
  [ -n "$dir" ] || [ -n "${XDG_BIN_HOME:-${HOME:-}}" ] || fail 64 'HOME is not set' 'give the folder: --dir DIR'
  [ -n "$dir" ] || dir=${XDG_BIN_HOME:-$HOME/.local/bin}

  file=mq-$(platform)
  name=mq
  case $file in *.exe) name=mq.exe ;; esac
  mkdir -p -- "$dir" 2>/dev/null || fail 73 "cannot make the folder $dir" 'give another one: --dir DIR'
  [ -w "$dir" ] || fail 73 "cannot write to $dir" 'give a folder of yours: --dir ~/bin; nothing here needs root'
  dir=$(cd -- "$dir" && pwd)
  [ ! -d "$dir/$name" ] || fail 73 "$dir/$name is a folder" 'give another one: --dir DIR'
  # Beside its place, so that the last step is a rename: an mq that runs is not disturbed.
  work=$(mktemp -d "$dir/.mq-install.XXXXXX") || fail 73 "cannot write to $dir"
  trap 'rm -rf -- "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP

  if [ -n "$from" ]; then copied; else downloaded; fi
  checked
  attested
  chmod 755 "$work/$file"
  "$work/$file" --version >"$work/version" 2>"$work/error" ||
    fail 71 "$file does not run here: $(head -n 1 "$work/error")" 'it needs glibc 2.28 or newer and libstdc++ (Debian and Ubuntu: libstdc++6)'
  [ -z "$version" ] || [ "$(cat "$work/version")" = "mq ${version#v}" ] ||
    fail 65 "this is $(cat "$work/version"), not ${version#v}" 'leave --version out, or give the folder of that release'
  mv -f -- "$work/$file" "$dir/$name"
  printf 'installed %s as %s\n' "$(cat "$work/version")" "$dir/$name"
  case :$PATH: in
    *":$dir:"*) ;;
    *) printf 'hint: it is not in PATH yet: export PATH="%s:$PATH"\n' "$dir" >&2 ;;
  esac
  printf 'hint: mq demo shows what it does; mq completions bash|zsh|fish teaches your shell\n' >&2
}

platform() {
  os=$(uname -s) machine=$(uname -m)
  case $os in
    Linux)
      os=linux
      # musl has no loader of glibc.
      for loader in /lib64/ld-linux-*.so.* /lib/ld-linux-*.so.* /lib/*/ld-linux-*.so.*; do
        [ ! -e "$loader" ] || { glibc=yes; break; }
      done
      [ -n "${glibc:-}" ] || fail 71 'mq needs glibc, and this Linux has none (Alpine?)' 'use it in a Debian container, or by npm' ;;
    Darwin)
      os=macos
      # A shell under Rosetta says x86_64.
      [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || :)" != 1 ] || machine=arm64 ;;
    MINGW* | MSYS* | CYGWIN*) os=win ;;
    *) fail 71 "there is no mq for $os" ;;
  esac
  case $os-$machine in
    *-x86_64 | *-amd64) machine=x64 ;;
    *-aarch64 | *-arm64) machine=arm64 ;;
    *) fail 71 "there is no mq for $os on $machine" ;;
  esac
  case $os-$machine in
    win-x64) echo win-x64.exe ;;
    win-*) fail 71 "there is no mq for Windows on $machine" ;;
    *) echo "$os-$machine" ;;
  esac
}

copied() {
  [ -d "$from" ] || fail 66 "there is no folder $from"
  for one in "$file" SHA256SUMS; do
    [ -f "$from/$one" ] || fail 66 "$from has no $one" "a release is its $file and its SHA256SUMS in one folder"
    cp -- "$from/$one" "$work/$one" || fail 74 "cannot copy $from/$one"
  done
}

downloaded() {
  base=${MQ_RELEASES:-}
  if [ -z "$base" ]; then
    case $repository in
      */*) base=https://github.com/$repository/releases ;;
      *) fail 64 'of which repository? give --repository OWNER/NAME' 'or --from DIR, a folder that holds a release' ;;
    esac
  fi
  if [ -n "$version" ]; then base=$base/download/$version; else base=$base/latest/download; fi
  for one in SHA256SUMS "$file"; do
    fetch "$base/$one" "$work/$one" || fail 69 "cannot download $base/$one" 'is there such a release? without a network: --from DIR'
  done
}

fetch() { # address, file
  if command -v curl >/dev/null 2>&1; then
    # Neither the address nor a redirect leaves HTTPS, unless MQ_RELEASES itself is plain HTTP.
    case ${MQ_RELEASES:-} in http://*) protocols='=http,https' ;; *) protocols='=https' ;; esac
    curl --proto "$protocols" --fail --silent --show-error --location --retry 2 --output "$2" "$1"
  elif command -v wget >/dev/null 2>&1; then
    wget -q -O "$2" "$1"
  else
    fail 69 'neither curl nor wget is here' 'download the release by hand, then: --from DIR'
  fi
}

checked() {
  wanted=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$file\$/\1/p" "$work/SHA256SUMS" | head -n 1)
  [ -n "$wanted" ] || fail 65 "SHA256SUMS has no line for $file"
  if command -v sha256sum >/dev/null 2>&1; then got=$(sha256sum <"$work/$file")
  elif command -v shasum >/dev/null 2>&1; then got=$(shasum -a 256 <"$work/$file")
  elif command -v openssl >/dev/null 2>&1; then got=$(openssl dgst -sha256 -r <"$work/$file")
  else fail 71 'cannot check the file: there is no sha256sum, shasum or openssl'; fi
  got=${got%% *}
  [ "$got" = "$wanted" ] || fail 65 "$file is not what SHA256SUMS says; nothing was installed" "it has $got, and should have $wanted"
}

# The checksums come from where the file comes from; the attestation does not. gh asks GitHub for it, and needs a login.
attested() {
  [ -z "$from" ] && [ -z "${MQ_RELEASES:-}" ] && command -v gh >/dev/null 2>&1 || return 0
  if ! gh auth status >/dev/null 2>&1; then
    printf 'hint: gh has no login, so only the checksum was verified; after gh auth login: gh attestation verify %s --repo %s\n' \
      "$dir/$name" "$repository" >&2
    return 0
  fi
  gh attestation verify "$work/$file" --repo "$repository" >"$work/attestation" 2>&1 ||
    fail 65 "$file was not built by $repository; nothing was installed" "$(tail -n 1 "$work/attestation")"
}

main "$@"
