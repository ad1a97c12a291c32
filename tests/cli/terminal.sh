# The chat at a terminal: commands, several lines, Ctrl-C, Ctrl-D.
. "$(dirname "$0")/common.sh"
python3 tests/cli/terminal.py "$freehold" "$tiny" "$folder"
