# What every step of a soak runs. Its outputs are a function of its name, its salt, $VALUE and its deps; model.py knows
# the same function.
#
#   sh work.sh NAME SALT FLAGS OUTPUT... -- DEP...
#
# OUTPUT is `f:PATH` (a file, in two pieces), `d:PATH` (a directory) or `m:PATH` (a file that may be absent).
# FLAGS, between commas: first and last (of the lines of the step), slow, long, inplace, background, deaf.
set -eu
LC_ALL=C
export LC_ALL
IFS='
'
name=$1 salt=$2 flags=$3
shift 3

has() {
    case $flags in *",$1,"*) return 0 ;; esac
    return 1
}

pause() {
    if has long; then sleep 0.4; fi
    if has slow; then sleep "0.0$((${#salt} % 4 + 1))"; fi
}

inputs() {
    printf '%s\n' "$name" "$salt" "${VALUE-}"
    while [ "$1" != -- ]; do shift; done
    shift
    for dep; do
        for path in $dep; do
            printf 'dep %s\n' "$path"
            if [ -d "$path" ]; then
                (cd "$path" && find -L . -type f -print0 | xargs -0 -r md5sum -z | sort -z)
            elif [ -e "$path" ]; then
                cat "$path"
            else
                echo absent
            fi
        done
    done
}

fail_if_bad() {
    case $salt in bad*) exit 3 ;; esac
}

make_file() {
    if [ -L "$1" ] || [ -d "$1" ] || ! has inplace; then rm -rf "$1"; fi
    printf '%s %s begin\n' "$1" "$hash" >"$1"
    fail_if_bad
    pause
    printf '%s %s end\n' "$1" "$hash" >>"$1"
}

make_directory() {
    rm -rf "$1"
    mkdir "$1" "$1/sub" "$1/empty"
    printf '%s %s a\n' "$1" "$hash" >"$1/a.txt"
    fail_if_bad
    pause
    printf '%s %s b\n' "$1" "$hash" >"$1/sub/b.txt"
    : >"$1/sub/$first.txt"
    ln -s a.txt "$1/link"
}

make() {
    path=${1#*:}
    case $path in */*) mkdir -p "${path%/*}" ;; esac
    case $1 in
    f:*) make_file "$path" ;;
    d:*) make_directory "$path" ;;
    m:*)
        rm -rf "$path"
        case $first in [0-7]) printf '%s %s\n' "$path" "$hash" >"$path" ;; esac
        ;;
    esac
}

if has deaf; then trap '' INT TERM; fi
if has first; then echo "start $name $SOAK_RUN" >>"$SOAK_LOG"; fi
hash=$(inputs "$@" | md5sum)
hash=${hash%% *}
first=${hash%"${hash#?}"}
pause
for output; do
    if [ "$output" = -- ]; then break; fi
    if has background; then
        make "$output" &
        wait $!
    else
        make "$output"
    fi
done
fail_if_bad
if has last; then echo "end $name $SOAK_RUN" >>"$SOAK_LOG"; fi
