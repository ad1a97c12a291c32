#!/bin/bash
# Builds the speed rival: llama.cpp as the newest llama-cpp-python source distribution carries it, natively for this
# machine (GGML_NATIVE, Release, OpenMP): its own llama-bench, llama-batched-bench and llama-server, its library, and
# probe.cpp, logits.cpp and decode_at.cpp of this folder.
#
#   bench/rival/build.sh [FOLDER] [JOBS]
#
# FOLDER is outside the source tree; default $FREEHOLD_HOME/rival (FREEHOLD_HOME defaults to ~/.local/share/freehold).
# Needs python3 with pip, cmake, ninja and a C++ compiler. The source comes through `pip download`, so the machine's own
# pip settings decide from where. Nothing of llama.cpp is kept in this tree. A second run takes seconds.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
home=${FREEHOLD_HOME:-$HOME/.local/share/freehold}
folder=${1:-$home/rival}
jobs=${2:-$(nproc)}
case $(realpath -m "$folder") in
  "$(realpath "$here/../..")"/*) echo "build.sh: $folder lies inside the source tree; choose a folder outside" >&2; exit 2 ;;
esac
mkdir -p "$folder"
cd "$folder"

if ! compgen -G 'llama_cpp_python-*/vendor/llama.cpp/CMakeLists.txt' > /dev/null; then
  echo "fetching the newest llama-cpp-python source" >&2
  pip download --quiet --disable-pip-version-check --no-binary :all: --no-deps llama-cpp-python
  tar xzf llama_cpp_python-*.tar.gz
fi
source=$(echo llama_cpp_python-*/)   # exactly one: the folder keeps one rival
source=${source%/}
sha256sum "$source".tar.gz > source.sha256

generator=()
command -v ninja > /dev/null && generator=(-G Ninja)
# See tiles.h.
flags=
if [ "$(c++ -dumpversion | cut -d. -f1)" = 12 ]; then flags="-include $here/tiles.h"; fi
cmake -S "$source/vendor/llama.cpp" -B build "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON \
      -DCMAKE_C_FLAGS= -DCMAKE_CXX_FLAGS="$flags" -DGGML_OPENMP=ON -DBUILD_SHARED_LIBS=ON -DLLAMA_CURL=OFF \
      -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_SERVER=ON -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_BUILD_TESTS=OFF \
      -DLLAMA_BUILD_EXAMPLES=OFF > configure.log
nice -n 19 cmake --build build --target llama-bench llama-batched-bench llama-server -j "$jobs"
for program in logits decode_at; do
  c++ -std=c++17 -O2 -Wall -Wextra -I"$source/vendor/llama.cpp/include" -I"$source/vendor/llama.cpp/ggml/include" \
      "$here/$program.cpp" -o "build/bin/rival-${program//_/-}" -Lbuild/bin -lllama -lggml -lggml-base -Wl,-rpath,'$ORIGIN'
done
c++ -std=c++17 -O3 -march=native -pthread -w "$here/probe.cpp" -o build/bin/rival-probe
echo "${source#llama_cpp_python-}" > version
echo "rival: llama.cpp of llama-cpp-python $(cat version), in $folder/build/bin"
