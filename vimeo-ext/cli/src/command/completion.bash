# bash ends words at `=` too, so that --json=name comes as three. Here they are put together again for the function
# below, and of what it finds the part is given back that bash is about to complete.
_vimeo() {
    local -a whole=("${COMP_WORDS[0]}")
    local at word current=0 joined=''
    for ((at = 1; at < ${#COMP_WORDS[@]}; at++)); do
        word=${COMP_WORDS[at]}
        # Of the word under the cursor counts what stands before it; of a lone `=` bash says that this is nothing.
        [[ $at -eq $COMP_CWORD && $word != =* ]] && word=$2
        if [[ ${whole[current]} == --* && $word == =* ]] || [[ ${whole[current]} == --*= && $word != -* ]]; then
            whole[current]+=$word
            joined=yes
        else
            ((current++))
            whole[current]=$word
            joined=''
        fi
        # What comes behind the cursor does not change what fits there.
        [[ $at -eq $COMP_CWORD ]] && break
    done
    local -a COMP_WORDS=("${whole[@]}")
    local COMP_CWORD=$current
    _clap_complete_vimeo "$1" "${whole[current]}" "${3-}"
    if [[ $joined && ${#COMPREPLY[@]} -gt 0 ]]; then
        COMPREPLY=("${COMPREPLY[@]#*=}")
    fi
}
