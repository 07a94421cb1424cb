# Completion of proj for bash. Switch it on with:  eval "$(proj completion bash)"
_proj() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            $'\tdirectories') compopt -o filenames -o dirnames 2>/dev/null ;;
            $'\tfiles') compopt -o filenames -o default 2>/dev/null ;;
            *) COMPREPLY+=("$line") ;;
        esac
    done < <(proj --complete bash "$COMP_TYPE" "$2" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
complete -F _proj proj
