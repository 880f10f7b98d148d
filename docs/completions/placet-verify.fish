# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_placet_verify_global_optspecs
    string join \n color= h/help V/version
end

function __fish_placet_verify_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_placet_verify_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_placet_verify_using_subcommand
    set -l cmd (__fish_placet_verify_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c placet-verify -n "__fish_placet_verify_needs_command" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet-verify -n "__fish_placet_verify_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet-verify -n "__fish_placet_verify_needs_command" -s V -l version -d 'Print version'
complete -c placet-verify -n "__fish_placet_verify_needs_command" -f -a "check" -d 'Verify evidence bundles'
complete -c placet-verify -n "__fish_placet_verify_needs_command" -f -a "audit" -d 'Verify everything in copies of both logs of a ledger'
complete -c placet-verify -n "__fish_placet_verify_needs_command" -f -a "show" -d 'Decode a file and print it, without verifying anything'
complete -c placet-verify -n "__fish_placet_verify_needs_command" -f -a "explain" -d 'Say what a code means and what to do next'
complete -c placet-verify -n "__fish_placet_verify_needs_command" -f -a "consistency" -d 'Compare two checkpoints of one log: did it only grow? Or judge evidence that it did not'
complete -c placet-verify -n "__fish_placet_verify_needs_command" -f -a "trust" -d 'Look at trust files'
complete -c placet-verify -n "__fish_placet_verify_needs_command" -f -a "export-ssh" -d 'Export an answer as a signature that ssh-keygen verifies'
complete -c placet-verify -n "__fish_placet_verify_needs_command" -f -a "export-cose" -d 'Export a statement with its receipt for other COSE and SCITT verifiers'
complete -c placet-verify -n "__fish_placet_verify_needs_command" -f -a "export-tlog-proof" -d 'Export a C2SP tlog-proof of an answer'
complete -c placet-verify -n "__fish_placet_verify_needs_command" -f -a "receipt" -d 'Verify an RFC 9942 receipt of any log, and its statement'
complete -c placet-verify -n "__fish_placet_verify_needs_command" -f -a "reconcile" -d 'Compare the events that a SIEM holds with the log that they were exported from'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand check" -l trust -d 'What you trust. One that came with the evidence proves nothing' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand check" -l action -d 'The approved action is the one in this file (an AuthZEN request)' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand check" -l passkey -d 'Who approved: a credential id (base64url), the thumbprint of a key (hex), the name of a root in the trust file, or else a name that the evidence opens' -r
complete -c placet-verify -n "__fish_placet_verify_using_subcommand check" -l between -d 'The approval lies in [T1, T2), RFC 3339 with offset' -r
complete -c placet-verify -n "__fish_placet_verify_using_subcommand check" -l require -d 'A check that has to pass beside the usual ones; may be repeated' -r
complete -c placet-verify -n "__fish_placet_verify_using_subcommand check" -l log -d 'A copy of the whole log: checkpoint, tile and statements' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand check" -l as-of -d 'Judge the trust file\'s expiry as of this time, default now' -r
complete -c placet-verify -n "__fish_placet_verify_using_subcommand check" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet-verify -n "__fish_placet_verify_using_subcommand check" -l denial -d 'A person denied the request'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand check" -l json -d 'One JSON object a file and line, schema placet/verify-result/v1'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand check" -s q -l quiet -d 'Only the verdict and what has to be said beside it'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand audit" -l gov -d 'The copy of the governance log, if it is not COPY/gov; COPY is then that of the main log' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand audit" -l trust -d 'What you trust. One that came with the copy proves nothing' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand audit" -l state -d 'Where to note what was done, so that an audit that was stopped, or a copy that grew, goes on from there. Keep it to yourself: whoever writes it decides what is looked at' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand audit" -l threads -d 'How many threads verify, default one for each core' -r
complete -c placet-verify -n "__fish_placet_verify_using_subcommand audit" -l as-of -d 'Judge the trust file\'s expiry as of this time, default now' -r
complete -c placet-verify -n "__fish_placet_verify_using_subcommand audit" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet-verify -n "__fish_placet_verify_using_subcommand audit" -l json -d 'One JSON object, schema placet/audit-result/v1'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand audit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand show" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet-verify -n "__fish_placet_verify_using_subcommand show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand explain" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet-verify -n "__fish_placet_verify_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand consistency" -l trust -d 'What you trust' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand consistency" -l vkey -d 'The key of a log of any C2SP tlog-tiles log, in place of a trust file' -r
complete -c placet-verify -n "__fish_placet_verify_using_subcommand consistency" -l origin -d 'The log\'s origin, if its key has another name' -r
complete -c placet-verify -n "__fish_placet_verify_using_subcommand consistency" -l proof -d 'A consistency proof: one base64 hash a line (C2SP tlog-witness)' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand consistency" -l log -d 'A copy of the log with its tiles (C2SP tlog-tiles)' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand consistency" -l out -d 'Where to write the evidence if the log misbehaved' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand consistency" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet-verify -n "__fish_placet_verify_using_subcommand consistency" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand trust; and not __fish_seen_subcommand_from show check diff" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet-verify -n "__fish_placet_verify_using_subcommand trust; and not __fish_seen_subcommand_from show check diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand trust; and not __fish_seen_subcommand_from show check diff" -f -a "show" -d 'Print what a trust file says, with the fingerprint of every key'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand trust; and not __fish_seen_subcommand_from show check diff" -f -a "check" -d 'Check that a trust file can be used'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand trust; and not __fish_seen_subcommand_from show check diff" -f -a "diff" -d 'Say how two trust files differ in meaning; exit code 1 if they do'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand trust; and __fish_seen_subcommand_from show" -l as-of -d 'Judge the expiry as of this time, default now' -r
complete -c placet-verify -n "__fish_placet_verify_using_subcommand trust; and __fish_seen_subcommand_from show" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet-verify -n "__fish_placet_verify_using_subcommand trust; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand trust; and __fish_seen_subcommand_from check" -l as-of -d 'Judge the expiry as of this time, default now' -r
complete -c placet-verify -n "__fish_placet_verify_using_subcommand trust; and __fish_seen_subcommand_from check" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet-verify -n "__fish_placet_verify_using_subcommand trust; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand trust; and __fish_seen_subcommand_from diff" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet-verify -n "__fish_placet_verify_using_subcommand trust; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand export-ssh" -l out -d 'Folder for document.json, document.json.sig and allowed_signers' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand export-ssh" -l request -d 'The request, if the bundle is about several' -r
complete -c placet-verify -n "__fish_placet_verify_using_subcommand export-ssh" -l index -d 'The statement at this index of the main log, default the first answer' -r
complete -c placet-verify -n "__fish_placet_verify_using_subcommand export-ssh" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet-verify -n "__fish_placet_verify_using_subcommand export-ssh" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand export-cose" -l out -d 'Folder for statement.cose, receipt.cose, entry.hex, issuer.pem and log.pem' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand export-cose" -l trust -d 'Where to find the two public keys, default trust.json beside the bundle' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand export-cose" -l request -d 'The request, if the bundle is about several' -r
complete -c placet-verify -n "__fish_placet_verify_using_subcommand export-cose" -l index -d 'The statement at this index of the main log, default the first answer' -r
complete -c placet-verify -n "__fish_placet_verify_using_subcommand export-cose" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet-verify -n "__fish_placet_verify_using_subcommand export-cose" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand export-tlog-proof" -l out -d 'The file to write' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand export-tlog-proof" -l request -d 'The request, if the bundle is about several' -r
complete -c placet-verify -n "__fish_placet_verify_using_subcommand export-tlog-proof" -l index -d 'The statement at this index of the main log, default the first answer' -r
complete -c placet-verify -n "__fish_placet_verify_using_subcommand export-tlog-proof" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet-verify -n "__fish_placet_verify_using_subcommand export-tlog-proof" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand receipt" -l statement -d 'A COSE_Sign1 with an attached payload' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand receipt" -l statement-pubkey -d 'Its public key, PEM SubjectPublicKeyInfo (Ed25519 or P-256)' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand receipt" -l receipt -d 'A COSE Receipt' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand receipt" -l receipt-log-pubkey -d 'The log\'s public key, PEM' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand receipt" -l leaf-entry-hex -d 'The log entry before leaf hashing, in hexadecimal' -r
complete -c placet-verify -n "__fish_placet_verify_using_subcommand receipt" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet-verify -n "__fish_placet_verify_using_subcommand receipt" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand reconcile" -l hash-key -d 'The key of the hashes in the events (DIR/keys/export-hash); of a ledger\'s folder its own' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand reconcile" -l profile -d 'A profile that the operator exported with, as events name it; may be repeated. Default: the one that all events have' -r
complete -c placet-verify -n "__fish_placet_verify_using_subcommand reconcile" -l log -d 'Events of which logs there are to be' -r -f -a "both\t'Both'
main\t'Decisions, answers, executions'
gov\t'Keys, policies, people'"
complete -c placet-verify -n "__fish_placet_verify_using_subcommand reconcile" -l out -d 'Where to write the evidence if a checkpoint in the events shows another tree than the copy' -r -F
complete -c placet-verify -n "__fish_placet_verify_using_subcommand reconcile" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet-verify -n "__fish_placet_verify_using_subcommand reconcile" -l behind -d 'The log may have grown since: what is behind the last event is not missed'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand reconcile" -l ahead -d 'The copy may be older than the events: what is behind its checkpoint stays open'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand reconcile" -l any-order -d 'The receiver does not keep the order of events'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand reconcile" -l json -d 'One JSON object, schema placet/reconcile-result/v1'
complete -c placet-verify -n "__fish_placet_verify_using_subcommand reconcile" -s h -l help -d 'Print help (see more with \'--help\')'
