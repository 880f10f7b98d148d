#compdef placet-verify

autoload -U is-at-least

_placet-verify() {
    typeset -A opt_args
    typeset -a _arguments_options
    local ret=1

    if is-at-least 5.2; then
        _arguments_options=(-s -S -C)
    else
        _arguments_options=(-s -C)
    fi

    local context curcontext="$curcontext" state line
    _arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_placet-verify_commands" \
"*::: :->placet-verify" \
&& ret=0
    case $state in
    (placet-verify)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:placet-verify-command-$line[1]:"
        case $line[1] in
            (check)
_arguments "${_arguments_options[@]}" : \
'--trust=[What you trust. One that came with the evidence proves nothing]:TRUST:_files' \
'--action=[The approved action is the one in this file (an AuthZEN request)]:ACTION.json:_files' \
'--passkey=[Who approved\: a credential id (base64url), the thumbprint of a key (hex), the name of a root in the trust file, or else a name that the evidence opens]:ID|KEY|NAME:_default' \
'*--between=[The approval lies in \[T1, T2), RFC 3339 with offset]:T1:_default:T1:_default' \
'*--require=[A check that has to pass beside the usual ones; may be repeated]:ID:_default' \
'--log=[A copy of the whole log\: checkpoint, tile and statements]:COPY:_files' \
'--as-of=[Judge the trust file'\''s expiry as of this time, default now]:T:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--denial[A person denied the request]' \
'--json[One JSON object a file and line, schema placet/verify-result/v1]' \
'(--json)-q[Only the verdict and what has to be said beside it]' \
'(--json)--quiet[Only the verdict and what has to be said beside it]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::files -- Evidence bundles; - is standard input:_files' \
&& ret=0
;;
(audit)
_arguments "${_arguments_options[@]}" : \
'--gov=[The copy of the governance log, if it is not COPY/gov; COPY is then that of the main log]:COPY:_files' \
'--trust=[What you trust. One that came with the copy proves nothing]:TRUST:_files' \
'--state=[Where to note what was done, so that an audit that was stopped, or a copy that grew, goes on from there. Keep it to yourself\: whoever writes it decides what is looked at]:FILE:_files' \
'--threads=[How many threads verify, default one for each core]:N:_default' \
'--as-of=[Judge the trust file'\''s expiry as of this time, default now]:T:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[One JSON object, schema placet/audit-result/v1]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':copy -- Copies of both logs, in COPY/log and COPY/gov (`placet log export --log both`):_files' \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':file -- A bundle, statement, COSE Receipt, checkpoint, tlog-proof, document, action or trust file:_files' \
&& ret=0
;;
(explain)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::code -- The code, such as time.upper_open; without one, all are listed:_default' \
&& ret=0
;;
(consistency)
_arguments "${_arguments_options[@]}" : \
'--trust=[What you trust]:TRUST:_files' \
'--vkey=[The key of a log of any C2SP tlog-tiles log, in place of a trust file]:VKEY:_default' \
'--origin=[The log'\''s origin, if its key has another name]:O:_default' \
'(--log)--proof=[A consistency proof\: one base64 hash a line (C2SP tlog-witness)]:FILE:_files' \
'--log=[A copy of the log with its tiles (C2SP tlog-tiles)]:COPY:_files' \
'--out=[Where to write the evidence if the log misbehaved]:FILE:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':old -- A checkpoint; or alone\: a file of evidence that a log misbehaved:_files' \
'::new -- A later checkpoint of the same log:_files' \
&& ret=0
;;
(trust)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_placet-verify__subcmd__trust_commands" \
"*::: :->trust" \
&& ret=0

    case $state in
    (trust)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:placet-verify-trust-command-$line[1]:"
        case $line[1] in
            (show)
_arguments "${_arguments_options[@]}" : \
'--as-of=[Judge the expiry as of this time, default now]:T:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':file -- The trust file:_files' \
&& ret=0
;;
(check)
_arguments "${_arguments_options[@]}" : \
'--as-of=[Judge the expiry as of this time, default now]:T:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':file -- The trust file:_files' \
&& ret=0
;;
(diff)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':old -- A trust file:_files' \
':new -- Another trust file:_files' \
&& ret=0
;;
        esac
    ;;
esac
;;
(export-ssh)
_arguments "${_arguments_options[@]}" : \
'--out=[Folder for document.json, document.json.sig and allowed_signers]:D:_files' \
'--request=[The request, if the bundle is about several]:ID:_default' \
'--index=[The statement at this index of the main log, default the first answer]:N:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':file -- The bundle:_files' \
&& ret=0
;;
(export-cose)
_arguments "${_arguments_options[@]}" : \
'--out=[Folder for statement.cose, receipt.cose, entry.hex, issuer.pem and log.pem]:D:_files' \
'--trust=[Where to find the two public keys, default trust.json beside the bundle]:TRUST:_files' \
'--request=[The request, if the bundle is about several]:ID:_default' \
'--index=[The statement at this index of the main log, default the first answer]:N:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':file -- The bundle:_files' \
&& ret=0
;;
(export-tlog-proof)
_arguments "${_arguments_options[@]}" : \
'--out=[The file to write]:F:_files' \
'--request=[The request, if the bundle is about several]:ID:_default' \
'--index=[The statement at this index of the main log, default the first answer]:N:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':file -- The bundle:_files' \
&& ret=0
;;
(receipt)
_arguments "${_arguments_options[@]}" : \
'--statement=[A COSE_Sign1 with an attached payload]:FILE:_files' \
'--statement-pubkey=[Its public key, PEM SubjectPublicKeyInfo (Ed25519 or P-256)]:PEM:_files' \
'--receipt=[A COSE Receipt]:FILE:_files' \
'--receipt-log-pubkey=[The log'\''s public key, PEM]:PEM:_files' \
'--leaf-entry-hex=[The log entry before leaf hashing, in hexadecimal]:HEX:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(reconcile)
_arguments "${_arguments_options[@]}" : \
'--hash-key=[The key of the hashes in the events (DIR/keys/export-hash); of a ledger'\''s folder its own]:FILE:_files' \
'*--profile=[A profile that the operator exported with, as events name it; may be repeated. Default\: the one that all events have]:PROFILE:_default' \
'--log=[Events of which logs there are to be]:LOGS:((both\:"Both"
main\:"Decisions, answers, executions"
gov\:"Keys, policies, people"))' \
'--out=[Where to write the evidence if a checkpoint in the events shows another tree than the copy]:FILE:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--behind[The log may have grown since\: what is behind the last event is not missed]' \
'--ahead[The copy may be older than the events\: what is behind its checkpoint stays open]' \
'--any-order[The receiver does not keep the order of events]' \
'--json[One JSON object, schema placet/reconcile-result/v1]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':copy -- A ledger'\''s folder, or copies of both logs in COPY/log and COPY/gov (`placet log export --log both`, `placet log mirror`), with statements or without:_files' \
':events -- The events, one a line, as exported or as a receiver keeps them (RFC 5424 header, HEC envelope); - is standard input:_files' \
&& ret=0
;;
        esac
    ;;
esac
}

(( $+functions[_placet-verify_commands] )) ||
_placet-verify_commands() {
    local commands; commands=(
'check:Verify evidence bundles' \
'audit:Verify everything in copies of both logs of a ledger' \
'show:Decode a file and print it, without verifying anything' \
'explain:Say what a code means and what to do next' \
'consistency:Compare two checkpoints of one log\: did it only grow? Or judge evidence that it did not' \
'trust:Look at trust files' \
'export-ssh:Export an answer as a signature that ssh-keygen verifies' \
'export-cose:Export a statement with its receipt for other COSE and SCITT verifiers' \
'export-tlog-proof:Export a C2SP tlog-proof of an answer' \
'receipt:Verify an RFC 9942 receipt of any log, and its statement' \
'reconcile:Compare the events that a SIEM holds with the log that they were exported from' \
    )
    _describe -t commands 'placet-verify commands' commands "$@"
}
(( $+functions[_placet-verify__subcmd__audit_commands] )) ||
_placet-verify__subcmd__audit_commands() {
    local commands; commands=()
    _describe -t commands 'placet-verify audit commands' commands "$@"
}
(( $+functions[_placet-verify__subcmd__check_commands] )) ||
_placet-verify__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'placet-verify check commands' commands "$@"
}
(( $+functions[_placet-verify__subcmd__consistency_commands] )) ||
_placet-verify__subcmd__consistency_commands() {
    local commands; commands=()
    _describe -t commands 'placet-verify consistency commands' commands "$@"
}
(( $+functions[_placet-verify__subcmd__explain_commands] )) ||
_placet-verify__subcmd__explain_commands() {
    local commands; commands=()
    _describe -t commands 'placet-verify explain commands' commands "$@"
}
(( $+functions[_placet-verify__subcmd__export-cose_commands] )) ||
_placet-verify__subcmd__export-cose_commands() {
    local commands; commands=()
    _describe -t commands 'placet-verify export-cose commands' commands "$@"
}
(( $+functions[_placet-verify__subcmd__export-ssh_commands] )) ||
_placet-verify__subcmd__export-ssh_commands() {
    local commands; commands=()
    _describe -t commands 'placet-verify export-ssh commands' commands "$@"
}
(( $+functions[_placet-verify__subcmd__export-tlog-proof_commands] )) ||
_placet-verify__subcmd__export-tlog-proof_commands() {
    local commands; commands=()
    _describe -t commands 'placet-verify export-tlog-proof commands' commands "$@"
}
(( $+functions[_placet-verify__subcmd__receipt_commands] )) ||
_placet-verify__subcmd__receipt_commands() {
    local commands; commands=()
    _describe -t commands 'placet-verify receipt commands' commands "$@"
}
(( $+functions[_placet-verify__subcmd__reconcile_commands] )) ||
_placet-verify__subcmd__reconcile_commands() {
    local commands; commands=()
    _describe -t commands 'placet-verify reconcile commands' commands "$@"
}
(( $+functions[_placet-verify__subcmd__show_commands] )) ||
_placet-verify__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'placet-verify show commands' commands "$@"
}
(( $+functions[_placet-verify__subcmd__trust_commands] )) ||
_placet-verify__subcmd__trust_commands() {
    local commands; commands=(
'show:Print what a trust file says, with the fingerprint of every key' \
'check:Check that a trust file can be used' \
'diff:Say how two trust files differ in meaning; exit code 1 if they do' \
    )
    _describe -t commands 'placet-verify trust commands' commands "$@"
}
(( $+functions[_placet-verify__subcmd__trust__subcmd__check_commands] )) ||
_placet-verify__subcmd__trust__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'placet-verify trust check commands' commands "$@"
}
(( $+functions[_placet-verify__subcmd__trust__subcmd__diff_commands] )) ||
_placet-verify__subcmd__trust__subcmd__diff_commands() {
    local commands; commands=()
    _describe -t commands 'placet-verify trust diff commands' commands "$@"
}
(( $+functions[_placet-verify__subcmd__trust__subcmd__show_commands] )) ||
_placet-verify__subcmd__trust__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'placet-verify trust show commands' commands "$@"
}

if [ "$funcstack[1]" = "_placet-verify" ]; then
    _placet-verify "$@"
else
    compdef _placet-verify placet-verify
fi
