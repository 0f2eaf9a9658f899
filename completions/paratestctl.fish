# fish completion for paratestctl; the candidates come from `paratestctl complete`.

function __paratestctl_complete
	set -l words (commandline -opc)
	set -l current (commandline -ct)
	for line in (command $words[1] complete -- $words[2..-1] "$current" 2>/dev/null </dev/null)
		if test "$line" = :files
			__fish_complete_path "$current"
		else
			echo $line
		end
	end
end

complete -c paratestctl -f -a '(__paratestctl_complete)'
