# Completion of proj for fish. Switch it on with:  proj completion fish | source
function __proj_complete
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    proj --complete fish $words[2..] (commandline --current-token --cut-at-cursor) 2>/dev/null | while read -l line
        switch $line
            case \tdirectories
                __fish_complete_directories (commandline --current-token)
            case \tfiles
                __fish_complete_path (commandline --current-token)
            case '*'
                echo $line
        end
    end
end
complete --command proj --no-files --keep-order --arguments '(__proj_complete)'
