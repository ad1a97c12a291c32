# The small real model talks sense. Needs it pulled: freehold pull smollm2-135m-instruct.
freehold_home=${FREEHOLD_HOME:-$HOME/.local/share/freehold}
. "$(dirname "$0")/common.sh"
export FREEHOLD_HOME=$freehold_home
model=smollm2-135m-instruct

expect 0 "$freehold" run $model "What is the capital of France?" --exact --temperature 0 --max-tokens 40; has out "Paris"
expect 0 "$freehold" run $model --raw "The capital of France is" --temperature 0 --max-tokens 5; has out "Paris"
expect 0 "$freehold" inspect $model --sha256
has out "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
expect 0 "$freehold" bench $model --prompt 32 --decode 8 --runs 1
