# What ./start and ./test share: installing Debian packages, building a preset. Sourced by them, never run.
# Each says what it does; when there is nothing to do, that takes a second.

# The packages and what each is for: the table in README.md.
build_packages=(g++ cmake ninja-build pkg-config ccache git ca-certificates python3 python3-pip
                libexpected-dev libfmt-dev libcli11-dev nlohmann-json3-dev libedit-dev libpcre2-dev libutf8proc-dev
                libssl-dev libboost-dev libcurl4-openssl-dev libzip-dev libexpat1-dev libsqlite3-dev libgtest-dev
                poppler-utils tesseract-ocr tesseract-ocr-eng esbuild node-markdown-it wamerican-small wbritish-small)
test_packages=(clang-14 libclang-rt-14-dev binutils openssl strace python3-venv chromium chromium-driver)

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
stop() { printf '%s: error: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# install_packages NAME...: those that are not installed yet.
install_packages() {
  command -v apt-get dpkg-query >/dev/null ||
    { say "no apt-get here: taking it that the packages of README.md are installed"; return 0; }
  local installed missing=() name
  installed=" $(dpkg-query -W -f='${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p' | tr '\n' ' ')"
  for name in "$@"; do [[ $installed == *" $name "* ]] || missing+=("$name"); done
  ((${#missing[@]})) || return 0
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || stop "run as root, or install sudo, or have root run: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  local log
  log=$(mktemp)
  # A failing update may be one unreachable source among many: the install decides.
  "${as_root[@]}" apt-get update -qq >"$log" 2>&1 </dev/null || true
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      -o Dpkg::Use-Pty=0 "${missing[@]}" >>"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    stop "apt-get could not install ${missing[*]} (its last words are above)"
  fi
  rm -f "$log"
}

# build PRESET TARGET...: configures once; ninja notices changed CMake files by itself.
build() {
  local preset=$1
  shift
  export CCACHE_DIR="${CCACHE_DIR:-$PWD/build/ccache}"
  if [ ! -f "build/$preset/build.ninja" ]; then
    say "configuring build/$preset"
    cmake --preset "$preset" >"build-$preset.log" 2>&1 </dev/null ||
      { cat "build-$preset.log" >&2; rm -f "build-$preset.log"; stop "cmake --preset $preset failed"; }
    rm -f "build-$preset.log"
  fi
  if [ -f "build/$preset/.ninja_log" ]; then say "building what changed in build/$preset"; else say "building build/$preset"; fi
  local quiet=()
  [ -t 2 ] || quiet=(--quiet)
  ninja -C "build/$preset" -j "$(nproc)" "${quiet[@]}" "$@" </dev/null >&2 || stop "the build of build/$preset failed"
}
