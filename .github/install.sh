#!/bin/sh
# Installs mq, which is one file. Compares it with SHA256SUMS of its release, and verifies its attestation if gh is
# installed. Runs in any POSIX shell, without root.
#   curl -fsSL "https://github.com/$MQ_REPOSITORY/releases/latest/download/install.sh" | sh
#   sh install.sh --version v0.1.0 --dir ~/bin
#   sh install.sh --from /media/usb        without a network: a folder with mq-linux-x64 (or another platform) and SHA256SUMS
# The GitHub repository of the releases. The workflow release.yml writes its repository here; a copy from the sources needs
# MQ_REPOSITORY.
repository=${MQ_REPOSITORY:-}

set -eu

usage() {
  cat <<'END'
Usage: install.sh [--version VERSION] [--dir DIR] [--from DIR] [--repository OWNER/NAME]
  --version VERSION        install this release, such as v0.1.0 (default the latest)
  --dir DIR                install to this folder (default $XDG_BIN_HOME, else ~/.local/bin)
  --from DIR               use the release in this folder instead of the network
  --repository OWNER/NAME  download from this GitHub repository (default MQ_REPOSITORY)
MQ_RELEASES replaces the whole address up to /releases.
END
}

fail() { # exit status, message, hint
  printf 'install: %s\n' "$2" >&2
  [ -z "${3:-}" ] || printf 'hint: %s\n' "$3" >&2
  exit "$1"
}

# Everything is in functions, and the last line calls main, so that an incomplete download of this script runs nothing.
main() {
  version='' dir='' from=''
  while [ $# -gt 0 ]; do
    case $1 in
      --help | -h) usage; exit 0 ;;
      --version | --dir | --from | --repository)
        [ $# -gt 1 ] && [ -n "$2" ] || fail 64 "$1 requires a value" 'install.sh --help'
        case $1 in
          --version) version=$2 ;;
          --dir) dir=$2 ;;
          --from) from=$2 ;;
          --repository) repository=$2 ;;
        esac
        shift 2 ;;
      *) fail 64 "unknown option $1" 'install.sh --help' ;;
    esac
  done
  case $version in
    '' | v[0-9]*) ;;
    [0-9]*) version=v$version ;;
    *) fail 64 "a version is written v0.1.0, not '$version'" ;;
  esac
  case $version in *[!A-Za-z0-9.+-]*) fail 64 "a version is written v0.1.0, not '$version'" ;; esac
  [ -n "$dir" ] || [ -n "${XDG_BIN_HOME:-${HOME:-}}" ] || fail 64 'HOME is not set' 'name the folder: --dir DIR'
  [ -n "$dir" ] || dir=${XDG_BIN_HOME:-$HOME/.local/bin}

  file=mq-$(platform)
  name=mq
  case $file in *.exe) name=mq.exe ;; esac
  mkdir -p -- "$dir" 2>/dev/null || fail 73 "cannot make the folder $dir" 'name another folder: --dir DIR'
  [ -w "$dir" ] || fail 73 "cannot write to $dir" 'name a folder of yours: --dir ~/bin; mq needs no root'
  dir=$(cd -- "$dir" && pwd)
  [ ! -d "$dir/$name" ] || fail 73 "$dir/$name is a folder" 'name another folder: --dir DIR'
  # The temporary folder is in the same file system, so that the last step is a rename. An mq that is running is not disturbed.
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
    fail 65 "this is $(cat "$work/version"), not ${version#v}" 'omit --version, or name the folder of that release'
  mv -f -- "$work/$file" "$dir/$name"
  printf 'installed %s as %s\n' "$(cat "$work/version")" "$dir/$name"
  case :$PATH: in
    *":$dir:"*) ;;
    *) printf 'hint: the folder is not in PATH: export PATH="%s:$PATH"\n' "$dir" >&2 ;;
  esac
  printf 'hint: mq demo shows what it does; mq help install shows completion for your shell\n' >&2
}

platform() {
  os=$(uname -s) machine=$(uname -m)
  case $os in
    Linux)
      os=linux
      # musl does not have the loader of glibc.
      for loader in /lib64/ld-linux-*.so.* /lib/ld-linux-*.so.* /lib/*/ld-linux-*.so.*; do
        [ ! -e "$loader" ] || { glibc=yes; break; }
      done
      [ -n "${glibc:-}" ] || fail 71 'mq needs glibc, which this Linux does not have (Alpine?)' 'use a Debian container, or the npm package' ;;
    Darwin)
      os=macos
      # A shell under Rosetta reports x86_64.
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
  [ -d "$from" ] || fail 66 "no such folder: $from"
  for one in "$file" SHA256SUMS; do
    [ -f "$from/$one" ] || fail 66 "$from has no $one" "a release is $file and SHA256SUMS in one folder"
    cp -- "$from/$one" "$work/$one" || fail 74 "cannot copy $from/$one"
  done
}

downloaded() {
  base=${MQ_RELEASES:-}
  if [ -z "$base" ]; then
    case $repository in
      */*) base=https://github.com/$repository/releases ;;
      *) fail 64 'no repository is given' 'set MQ_REPOSITORY=OWNER/NAME, or use --from DIR with a folder that holds a release' ;;
    esac
  fi
  if [ -n "$version" ]; then base=$base/download/$version; else base=$base/latest/download; fi
  for one in SHA256SUMS "$file"; do
    fetch "$base/$one" "$work/$one" || fail 69 "cannot download $base/$one" 'check the version and the repository; without a network use --from DIR'
  done
}

fetch() { # address, file
  if command -v curl >/dev/null 2>&1; then
    # The address and its redirects must be HTTPS, unless MQ_RELEASES is plain HTTP.
    case ${MQ_RELEASES:-} in http://*) protocols='=http,https' ;; *) protocols='=https' ;; esac
    curl --proto "$protocols" --fail --silent --show-error --location --retry 2 --output "$2" "$1"
  elif command -v wget >/dev/null 2>&1; then
    wget -q -O "$2" "$1"
  else
    fail 69 'neither curl nor wget is installed' 'download the release by hand, and use --from DIR'
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
  [ "$got" = "$wanted" ] || fail 65 "$file does not match SHA256SUMS; nothing was installed" "its checksum is $got, expected $wanted"
}

# The checksums come from the same place as the file, but the attestation comes from GitHub. gh needs a login for it.
attested() {
  [ -z "$from" ] && [ -z "${MQ_RELEASES:-}" ] && command -v gh >/dev/null 2>&1 || return 0
  if ! gh auth status >/dev/null 2>&1; then
    printf 'hint: gh is not logged in, so only the checksum was verified; after gh auth login run gh attestation verify %s --repo %s\n' \
      "$dir/$name" "$repository" >&2
    return 0
  fi
  gh attestation verify "$work/$file" --repo "$repository" >"$work/attestation" 2>&1 ||
    fail 65 "$file was not built by $repository; nothing was installed" "$(tail -n 1 "$work/attestation")"
}

main "$@"
