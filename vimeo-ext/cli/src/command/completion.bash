# bash also splits words at `=`, so --json=name arrives as three words. Joins them again for clap's function, and strips
# the part before `=` from its completions, because bash completes only the last word.
_vimeo() {
    local -a words=("${COMP_WORDS[0]}")
    local at word current=0 has_equals=''
    for ((at = 1; at < ${#COMP_WORDS[@]}; at++)); do
        word=${COMP_WORDS[at]}
        # Of the word under the cursor, use only the part before the cursor; for a lone `=`, bash reports it as empty.
        [[ $at -eq $COMP_CWORD && $word != =* ]] && word=$2
        if [[ ${words[current]} == --* && $word == =* ]] || [[ ${words[current]} == --*= && $word != -* ]]; then
            words[current]+=$word
            has_equals=yes
        else
            ((current++))
            words[current]=$word
            has_equals=''
        fi
        # Words after the cursor do not affect the completions.
        [[ $at -eq $COMP_CWORD ]] && break
    done
    local -a COMP_WORDS=("${words[@]}")
    local COMP_CWORD=$current
    _clap_complete_vimeo "$1" "${words[current]}" "${3-}"
    if [[ $has_equals && ${#COMPREPLY[@]} -gt 0 ]]; then
        COMPREPLY=("${COMPREPLY[@]#*=}")
    fi
}
