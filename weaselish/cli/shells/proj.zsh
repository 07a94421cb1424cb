#compdef proj
# Completion of proj for zsh. Switch it on with:  eval "$(proj completion zsh)"
_proj() {
    local line word paths
    local -a found
    while IFS= read -r line; do
        word=${line%%$'\t'*}
        if [[ -z $word ]]; then
            paths=${line#$'\t'}
        else
            found+=("${word//:/\\:}${${line#*$'\t'}:+:${line#*$'\t'}}")
        fi
    done < <(proj --complete zsh "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)
    _describe -V proj found
    case $paths in
        directories) _files -/ ;;
        files) _files ;;
    esac
}
if [[ $funcstack[1] == _proj ]]; then
    _proj "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
    compdef _proj proj
fi
