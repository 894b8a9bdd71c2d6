// The scripts that run when the user presses Tab. They call `mq completions words -- …` with the words before the
// cursor and show the answer: `files` or `words`, followed by lines with a word and its description. They evaluate
// nothing that the user has typed.

export const shells = ['bash', 'zsh', 'fish', 'powershell'] as const;
type Shell = (typeof shells)[number];

/** Command or profile line that installs the script in each shell. */
export const installHints: Readonly<Record<Shell, string>> = {
  bash: `eval "$(mq completions bash)"   # in ~/.bashrc`,
  zsh: `eval "$(mq completions zsh)"   # in ~/.zshrc, after compinit`,
  fish: 'mq completions fish >~/.config/fish/completions/mq.fish',
  powershell: 'mq completions powershell | Out-String | Invoke-Expression   # in $PROFILE',
};

// bash also splits words at = and :, so this script splits the line at spaces and removes the part before the last
// separator from each candidate. bash 3.2 (macOS) has neither mapfile nor compopt.
const bash = `# mq: completions for bash
_mq() {
  local line="\${COMP_LINE:0:COMP_POINT}" words kind word about cut=''
  IFS=$' \\t' read -r -a words <<<"$line"
  [[ "$line" != *[$' \\t'] ]] || words+=('')
  word="\${words[\${#words[@]}-1]}"
  [[ "$COMP_WORDBREAKS" != *=* || "$word" != --*=* ]] || cut="\${word%%=*}="
  [[ "$COMP_WORDBREAKS" != *:* || "$word" != *:* ]] || cut="\${word%:*}:"
  COMPREPLY=()
  {
    read -r kind
    while IFS=$'\\t' read -r word about; do COMPREPLY+=("$(printf %q "\${word#"$cut"}")"); done
  } < <(command mq completions words -- "\${words[@]:1}" 2>/dev/null)
  [[ "$kind" != words ]] || compopt +o default 2>/dev/null || :
}
complete -o default -F _mq mq
`;

const zsh = `#compdef mq
_mq() {
  local kind word about
  local -a values lines
  {
    read -r kind
    while IFS=$'\\t' read -r word about; do
      values+=("$word")
      lines+=("$word\${about:+  -- $about}")
    done
  } < <(command mq completions words -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
  if [[ "$kind" == files ]]; then
    [[ "$PREFIX" != --*=* ]] || compset -P '*='
    _files
  else
    compadd -l -d lines -a -- values
  fi
}
if [[ "\${funcstack[1]}" == _mq ]]; then _mq "$@"; else compdef _mq mq; fi
`;

const fish = `# mq: completions for fish
function __mq_complete
    set -l typed (commandline -opc)
    set -l last (commandline -ct)
    set -l answer (command mq completions words -- $typed[2..-1] "$last" 2>/dev/null)
    if test "$answer[1]" = files
        __fish_complete_path (commandline -ct)
    else if test (count $answer) -gt 1
        printf '%s\\n' $answer[2..-1]
    end
end
complete -c mq -e
complete -c mq -f -a '(__mq_complete)'
`;

const powershell = `# mq: completions for PowerShell
Register-ArgumentCompleter -Native -CommandName mq -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $typed = @($commandAst.CommandElements | Select-Object -Skip 1 |
    Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString().Trim("'", '"') })
  $mq = (Get-Command mq -CommandType Application | Select-Object -First 1).Source
  # PowerShell before 7.3 does not pass empty arguments to a program, so a variable contains the words.
  $env:MQ_COMPLETION_WORDS = ($typed + $wordToComplete) -join "\`n"
  try { $answer = @(& $mq completions words 2>$null) } finally { $env:MQ_COMPLETION_WORDS = $null }
  if ($answer.Count -lt 1 -or $answer[0] -eq 'files') { return }
  $answer | Select-Object -Skip 1 | ForEach-Object {
    $word, $about = $_ -split "\`t", 2
    if (-not $about) { $about = $word }
    # PowerShell also treats U+2018 to U+201E as quotes.
    $text = if ($word -match "[\\s'\`"\`$\`\`;&|(){}@#,<>\\u2018-\\u201e]") { "'" + ($word -replace "['\\u2018-\\u201b]", '$&$&') + "'" } else { $word }
    [System.Management.Automation.CompletionResult]::new($text, $word, 'ParameterValue', $about)
  }
}
`;

/** Completion scripts by shell. */
export const scripts: Readonly<Record<Shell, string>> = { bash, zsh, fish, powershell };
