# Starts the program of one step and writes down how it ends. It needs nobody: the app may be gone.
# $1: folder of the records; then the program. Its own standard output is the program's, its standard error tells of signals.

# Who asks the step to end must not end this. The program is not concerned: a subshell forgets traps.
trap : HUP INT QUIT PIPE ALRM TERM USR1 USR2

# Only one can make this file: who takes the step over makes it first if this has not happened yet, and then nothing is started here.
set -C
read -r LETTERPRESS_LINE </proc/self/stat && echo "$LETTERPRESS_LINE" >"$1/start" || exit 125

(
    read -r LETTERPRESS_LINE </proc/self/stat && echo "$LETTERPRESS_LINE" >>"$1/start" || exit 125
    shift
    exec "$@" 2>&1
)
LETTERPRESS_LINE=$?

# Written into the blanks that are there already, so that a full disk cannot prevent it.
read -r LETTERPRESS_UPTIME </proc/uptime
echo "$LETTERPRESS_LINE $LETTERPRESS_UPTIME" 1<>"$1/exit"
