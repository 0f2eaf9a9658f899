# bash completion for paratestctl; the candidates come from `paratestctl complete`.

_paratestctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} i line
	local -a words=()

	# --option=value is three words to bash.
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == = ]] || words+=("${COMP_WORDS[i]}")
	done
	[[ $cur != = ]] || cur=
	COMPREPLY=()
	while IFS= read -r line; do
		if [[ $line == :files ]]; then
			compopt -o filenames 2>/dev/null
			while IFS= read -r line; do
				COMPREPLY+=("$line")
			done < <(compgen -f -- "$cur")
		else
			COMPREPLY+=("${line%%$'\t'*}")
		fi
	done < <(command "${COMP_WORDS[0]}" complete -- "${words[@]}" "$cur" 2>/dev/null </dev/null)
}

complete -F _paratestctl paratestctl
