# Carries the output of one step from its pipe to its file. $1: folder of the records.
read -r LETTERPRESS_LINE </proc/self/stat && echo "$LETTERPRESS_LINE" >"$1/pump"
exec cat
