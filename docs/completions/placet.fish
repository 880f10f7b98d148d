# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_placet_global_optspecs
    string join \n color= json h/help V/version
end

function __fish_placet_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_placet_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_placet_using_subcommand
    set -l cmd (__fish_placet_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c placet -n "__fish_placet_needs_command" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_needs_command" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_needs_command" -s V -l version -d 'Print version'
complete -c placet -n "__fish_placet_needs_command" -f -a "demo" -d 'Show the whole of it on this machine: from an agent\'s wish to proof in a file'
complete -c placet -n "__fish_placet_needs_command" -f -a "init" -d 'Make a ledger\'s folder: settings, keys and the first entries of both logs'
complete -c placet -n "__fish_placet_needs_command" -f -a "serve" -d 'Run the service'
complete -c placet -n "__fish_placet_needs_command" -f -a "request" -d 'Ask whether an action is permitted; if it needs a person, ask for approval'
complete -c placet -n "__fish_placet_needs_command" -f -a "gateway" -d 'Enforcement points in front of other programs'
complete -c placet -n "__fish_placet_needs_command" -f -a "enrol" -d 'Enrol a software passkey as the first person; development ledgers only'
complete -c placet -n "__fish_placet_needs_command" -f -a "people" -d 'Invite people, and change who may do what'
complete -c placet -n "__fish_placet_needs_command" -f -a "policy" -d 'Say what decides'
complete -c placet -n "__fish_placet_needs_command" -f -a "approve" -d 'Approve a request with a software passkey; without a request, list what waits'
complete -c placet -n "__fish_placet_needs_command" -f -a "deny" -d 'Deny a request with a software passkey; without a request, list what waits'
complete -c placet -n "__fish_placet_needs_command" -f -a "evidence" -d 'Fetch the evidence about requests, for verification offline'
complete -c placet -n "__fish_placet_needs_command" -f -a "search" -d 'Search both logs by request, person, agent, action, session and time'
complete -c placet -n "__fish_placet_needs_command" -f -a "erase" -d 'Erase what a statement says, on an administrator\'s signature'
complete -c placet -n "__fish_placet_needs_command" -f -a "log" -d 'Read the logs of a folder, whether or not the service runs'
complete -c placet -n "__fish_placet_needs_command" -f -a "export" -d 'Both logs as events, for a SIEM'
complete -c placet -n "__fish_placet_needs_command" -f -a "witness" -d 'Run a C2SP witness'
complete -c placet -n "__fish_placet_needs_command" -f -a "trust" -d 'Make trust files'
complete -c placet -n "__fish_placet_needs_command" -f -a "notify" -d 'Look after notifications'
complete -c placet -n "__fish_placet_needs_command" -f -a "keys" -d 'Look at a ledger\'s keys'
complete -c placet -n "__fish_placet_needs_command" -f -a "config" -d 'Look at the settings'
complete -c placet -n "__fish_placet_needs_command" -f -a "token" -d 'Tokens of programs'
complete -c placet -n "__fish_placet_needs_command" -f -a "bench" -d 'Measure how fast this is, on this machine'
complete -c placet -n "__fish_placet_needs_command" -f -a "completions" -d 'Print completions for a shell'
complete -c placet -n "__fish_placet_using_subcommand demo" -l dir -d 'Where everything is kept; default a new folder among the temporary files' -r -F
complete -c placet -n "__fish_placet_using_subcommand demo" -l passkey -d 'Who signs; default the browser where one can be opened' -r -f -a "browser\t'Open the pages in a browser and wait for you'
software\t'A key in a file stands for you; evidence of nothing'"
complete -c placet -n "__fish_placet_using_subcommand demo" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand demo" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand init" -l dir -d 'The folder, missing or empty' -r -F
complete -c placet -n "__fish_placet_using_subcommand init" -l policy -d 'The policy folder, or pack:NAME; without one everything is denied (with --dev: the demonstration\'s)' -r -F
complete -c placet -n "__fish_placet_using_subcommand init" -l origin -d 'Name of the main log, for ever: a host name with a path, such as ledger.example.com/2026' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l rp-id -d 'Host name to which passkeys are bound; another one is another ledger, in which everybody enrols again' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l dev -d 'For trying out: takes software keys, and its evidence says so' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l audience -d 'Name of the enforcement point for which requests are decided' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l external-issuers -d 'Other issuers whose statements are registered: RFC 9679 thumbprints in hexadecimal' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l receipt-alg -d 'Algorithm of the receipt keys; es256 for verifiers without Ed25519' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l public-url -d 'Origin of the pages, as browsers see it, such as https://placet.example.com' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l listen -d 'Address and port; port 0 takes a free one' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l tls-cert -d 'Certificate chain in PEM; read again on SIGHUP and when it changes' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l tls-key -d 'The certificate\'s key in PEM' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l trusted-proxy -d 'Proxies whose X-Forwarded-For, -Host and -Proto count: addresses or ranges, 64 at most' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l metrics-public -d 'Whether /metrics needs no token on this machine' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l origins -d 'Further origins that clients may state' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l witness-policy -d 'Witnesses and their quorum: a C2SP tlog-policy without `log` lines' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l operated-by-self -d 'Witnesses that the operator runs' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l publish-ms -d 'Milliseconds between two cosigned checkpoints' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l recosign-open-s -d 'Age in seconds at which a note is renewed while a request is open' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l recosign-idle-s -d 'Age in seconds at which a note is renewed otherwise' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l request-s -d 'Seconds for which a request can be answered and its approval spent; outside development a minute at least' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l outcome-s -d 'Seconds after which a missing outcome is recorded as unknown' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l recovery-delay-s -d 'Seconds from the announcement of a recovery to its enrolment; outside development a day at least' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l attestation -d 'What registrations ask of browsers' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l attestation-roots -d 'Vendors\' roots by which attestations are judged, in PEM or DER' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l require-attested -d 'Whether passkeys that no pinned root attests are refused' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l max-open-per-agent -d 'Requests of one agent that may wait for persons at the same time' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l openings-per-minute -d 'Requests that one agent may open in a minute' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l strict-defaults -d 'Whether items of a batch of evaluations take no type, id or name from the defaults for an object of their own (AuthZEN\'s scenario; its conformance suite needs them)' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l person-rate -d 'Calls a second of each person who is signed in; ten seconds\' worth at once' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l token-rate -d 'Calls a second of each token; ten seconds\' worth at once' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l address-rate -d 'Calls a second from each address, of those who are not known; ten seconds\' worth at once' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l sign-in-rate -d 'Of these, steps of signing in and of registering a passkey' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l address-connections -d 'Connections from one address, but from trusted proxies' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l callback-origins -d 'Origins that agents may name for callbacks (ARAP)' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l outbound-allow -d 'Hosts that may be called beside public HTTPS servers: host or host:port' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l outbound-ca-file -d 'Certificate roots beside the system\'s, in PEM' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l export-required -d 'Sinks of `placet export` that have to follow: while one is further behind than the next two allow, nothing is decided or spent' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l export-max-lag -d 'Leaves by which they may be behind; 0 for any number' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l export-max-lag-s -d 'Seconds for which a leaf may wait to be exported; 0 for any time' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l notify -d 'Whom to tell of what happens: a TOML file with `[[notify]]` tables' -r
complete -c placet -n "__fish_placet_using_subcommand init" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand init" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand serve" -l dir -d 'The ledger\'s folder' -r -F
complete -c placet -n "__fish_placet_using_subcommand serve" -l public-url -d 'Origin of the pages, as browsers see it, such as https://placet.example.com' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l listen -d 'Address and port; port 0 takes a free one' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l tls-cert -d 'Certificate chain in PEM; read again on SIGHUP and when it changes' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l tls-key -d 'The certificate\'s key in PEM' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l trusted-proxy -d 'Proxies whose X-Forwarded-For, -Host and -Proto count: addresses or ranges, 64 at most' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l metrics-public -d 'Whether /metrics needs no token on this machine' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l origins -d 'Further origins that clients may state' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l witness-policy -d 'Witnesses and their quorum: a C2SP tlog-policy without `log` lines' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l operated-by-self -d 'Witnesses that the operator runs' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l publish-ms -d 'Milliseconds between two cosigned checkpoints' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l recosign-open-s -d 'Age in seconds at which a note is renewed while a request is open' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l recosign-idle-s -d 'Age in seconds at which a note is renewed otherwise' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l request-s -d 'Seconds for which a request can be answered and its approval spent; outside development a minute at least' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l outcome-s -d 'Seconds after which a missing outcome is recorded as unknown' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l recovery-delay-s -d 'Seconds from the announcement of a recovery to its enrolment; outside development a day at least' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l attestation -d 'What registrations ask of browsers' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l attestation-roots -d 'Vendors\' roots by which attestations are judged, in PEM or DER' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l require-attested -d 'Whether passkeys that no pinned root attests are refused' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l max-open-per-agent -d 'Requests of one agent that may wait for persons at the same time' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l openings-per-minute -d 'Requests that one agent may open in a minute' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l strict-defaults -d 'Whether items of a batch of evaluations take no type, id or name from the defaults for an object of their own (AuthZEN\'s scenario; its conformance suite needs them)' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l person-rate -d 'Calls a second of each person who is signed in; ten seconds\' worth at once' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l token-rate -d 'Calls a second of each token; ten seconds\' worth at once' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l address-rate -d 'Calls a second from each address, of those who are not known; ten seconds\' worth at once' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l sign-in-rate -d 'Of these, steps of signing in and of registering a passkey' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l address-connections -d 'Connections from one address, but from trusted proxies' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l callback-origins -d 'Origins that agents may name for callbacks (ARAP)' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l outbound-allow -d 'Hosts that may be called beside public HTTPS servers: host or host:port' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l outbound-ca-file -d 'Certificate roots beside the system\'s, in PEM' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l export-required -d 'Sinks of `placet export` that have to follow: while one is further behind than the next two allow, nothing is decided or spent' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l export-max-lag -d 'Leaves by which they may be behind; 0 for any number' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l export-max-lag-s -d 'Seconds for which a leaf may wait to be exported; 0 for any time' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l notify -d 'Whom to tell of what happens: a TOML file with `[[notify]]` tables' -r
complete -c placet -n "__fish_placet_using_subcommand serve" -l policy -d 'The policy folder, watched: a change is put in force by a software passkey; with --dev only' -r -F
complete -c placet -n "__fish_placet_using_subcommand serve" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand serve" -l dev -d 'Make a development ledger if the folder is missing or empty'
complete -c placet -n "__fish_placet_using_subcommand serve" -l new-code -d 'Print a new one-time enrolment code; only while nobody is enrolled'
complete -c placet -n "__fish_placet_using_subcommand serve" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand request" -l url -d 'Address of the service' -r
complete -c placet -n "__fish_placet_using_subcommand request" -l ca-file -d 'Certificate roots beside the system\'s, in PEM' -r -F
complete -c placet -n "__fish_placet_using_subcommand request" -l token-file -d 'File with the token' -r -F
complete -c placet -n "__fish_placet_using_subcommand request" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand request" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand request" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand gateway; and not __fish_seen_subcommand_from http check" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand gateway; and not __fish_seen_subcommand_from http check" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand gateway; and not __fish_seen_subcommand_from http check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand gateway; and not __fish_seen_subcommand_from http check" -f -a "http" -d 'Run the HTTP gateway: a reverse proxy, and the answers for nginx, Caddy and Envoy'
complete -c placet -n "__fish_placet_using_subcommand gateway; and not __fish_seen_subcommand_from http check" -f -a "check" -d 'Judge a gateway\'s configuration; names file, line and reason'
complete -c placet -n "__fish_placet_using_subcommand gateway; and __fish_seen_subcommand_from http" -l config -d 'The route table, and where the API is' -r -F
complete -c placet -n "__fish_placet_using_subcommand gateway; and __fish_seen_subcommand_from http" -l dir -d 'A ledger\'s folder: its service runs in this process too' -r -F
complete -c placet -n "__fish_placet_using_subcommand gateway; and __fish_seen_subcommand_from http" -l ledger -d 'Address of the ledger\'s service' -r
complete -c placet -n "__fish_placet_using_subcommand gateway; and __fish_seen_subcommand_from http" -l token-file -d 'File with a token of scope pep' -r -F
complete -c placet -n "__fish_placet_using_subcommand gateway; and __fish_seen_subcommand_from http" -l ca-file -d 'Certificate roots for the ledger, in PEM, in place of the system\'s' -r -F
complete -c placet -n "__fish_placet_using_subcommand gateway; and __fish_seen_subcommand_from http" -l listen -d 'Address and port for agents, and for nginx and Caddy' -r
complete -c placet -n "__fish_placet_using_subcommand gateway; and __fish_seen_subcommand_from http" -l ext-authz -d 'Address and port for Envoy (ext_authz over gRPC, without TLS)' -r
complete -c placet -n "__fish_placet_using_subcommand gateway; and __fish_seen_subcommand_from http" -l tls-cert -d 'Certificate chain, in PEM' -r -F
complete -c placet -n "__fish_placet_using_subcommand gateway; and __fish_seen_subcommand_from http" -l tls-key -d 'Key of the certificate, in PEM' -r -F
complete -c placet -n "__fish_placet_using_subcommand gateway; and __fish_seen_subcommand_from http" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand gateway; and __fish_seen_subcommand_from http" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand gateway; and __fish_seen_subcommand_from http" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand gateway; and __fish_seen_subcommand_from check" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand gateway; and __fish_seen_subcommand_from check" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand gateway; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand enrol" -l url -d 'Address of the service' -r
complete -c placet -n "__fish_placet_using_subcommand enrol" -l ca-file -d 'Certificate roots beside the system\'s, in PEM' -r -F
complete -c placet -n "__fish_placet_using_subcommand enrol" -l token-file -d 'File with the token' -r -F
complete -c placet -n "__fish_placet_using_subcommand enrol" -l key -d 'File of the software passkey; made if it is missing' -r -F
complete -c placet -n "__fish_placet_using_subcommand enrol" -l code -d 'The one-time code that `init` printed' -r
complete -c placet -n "__fish_placet_using_subcommand enrol" -l name -d 'Name of the person' -r
complete -c placet -n "__fish_placet_using_subcommand enrol" -l rp-id -d 'Host name to which a new key is bound' -r
complete -c placet -n "__fish_placet_using_subcommand enrol" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand enrol" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand enrol" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand people; and not __fish_seen_subcommand_from invite list role revoke recover" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand people; and not __fish_seen_subcommand_from invite list role revoke recover" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand people; and not __fish_seen_subcommand_from invite list role revoke recover" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand people; and not __fish_seen_subcommand_from invite list role revoke recover" -f -a "invite" -d 'Make a link with which one person registers one passkey'
complete -c placet -n "__fish_placet_using_subcommand people; and not __fish_seen_subcommand_from invite list role revoke recover" -f -a "list" -d 'Who is enrolled, and who waits'
complete -c placet -n "__fish_placet_using_subcommand people; and not __fish_seen_subcommand_from invite list role revoke recover" -f -a "role" -d 'Replace the roles of a person'
complete -c placet -n "__fish_placet_using_subcommand people; and not __fish_seen_subcommand_from invite list role revoke recover" -f -a "revoke" -d 'Say that a passkey is not to be trusted'
complete -c placet -n "__fish_placet_using_subcommand people; and not __fish_seen_subcommand_from invite list role revoke recover" -f -a "recover" -d 'Make a link for somebody whose passkeys are lost, on the machine of the ledger'
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from invite" -l url -d 'Address of the service' -r
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from invite" -l ca-file -d 'Certificate roots beside the system\'s, in PEM' -r -F
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from invite" -l key -d 'File of an enrolled software passkey; without it, the page for real ones is named' -r -F
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from invite" -l role -d 'A role; may be repeated' -r -f -a "administrator\t'Lets people in and out, signs policies'
approver\t'Answers requests'
auditor\t'Reads everything'
operator\t'Runs the service'"
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from invite" -l identity -d 'An id of the person in other systems, such as an e-mail address; may be repeated' -r
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from invite" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from invite" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from invite" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from list" -l url -d 'Address of the service' -r
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from list" -l ca-file -d 'Certificate roots beside the system\'s, in PEM' -r -F
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from list" -l key -d 'File of an enrolled software passkey; without it, the page for real ones is named' -r -F
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from list" -l token-file -d 'File with a token of scope admin' -r -F
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from list" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from list" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from role" -l url -d 'Address of the service' -r
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from role" -l ca-file -d 'Certificate roots beside the system\'s, in PEM' -r -F
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from role" -l key -d 'File of an enrolled software passkey; without it, the page for real ones is named' -r -F
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from role" -l role -d 'A role, of all that the person has from now on; may be repeated, none takes all away' -r -f -a "administrator\t'Lets people in and out, signs policies'
approver\t'Answers requests'
auditor\t'Reads everything'
operator\t'Runs the service'"
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from role" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from role" -l last-administrator -d 'Go on though nobody can administrate the ledger afterwards'
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from role" -l yes -d 'Do not ask'
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from role" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from role" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from revoke" -l url -d 'Address of the service' -r
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from revoke" -l ca-file -d 'Certificate roots beside the system\'s, in PEM' -r -F
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from revoke" -l key -d 'File of an enrolled software passkey; without it, the page for real ones is named' -r -F
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from revoke" -l reason -d 'Why; stands in the log for ever' -r
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from revoke" -l effective-from -d 'Since when it is not to be trusted, such as 2026-11-22T04:00:00Z; default now' -r
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from revoke" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from revoke" -l last-administrator -d 'Go on though nobody can administrate the ledger afterwards'
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from revoke" -l yes -d 'Do not ask'
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from revoke" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from recover" -l dir -d 'The ledger\'s folder; the service may run' -r -F
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from recover" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from recover" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand people; and __fish_seen_subcommand_from recover" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand policy; and not __fish_seen_subcommand_from check test prove activate explain history pack" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand policy; and not __fish_seen_subcommand_from check test prove activate explain history pack" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand policy; and not __fish_seen_subcommand_from check test prove activate explain history pack" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand policy; and not __fish_seen_subcommand_from check test prove activate explain history pack" -f -a "check" -d 'Judge a policy folder: what can\'t be armed, and what could fail at run time'
complete -c placet -n "__fish_placet_using_subcommand policy; and not __fish_seen_subcommand_from check test prove activate explain history pack" -f -a "test" -d 'Decide requests of a file and compare with what is expected'
complete -c placet -n "__fish_placet_using_subcommand policy; and not __fish_seen_subcommand_from check test prove activate explain history pack" -f -a "prove" -d 'Prove that nothing of high risk is permitted without a passkey approval of exactly that'
complete -c placet -n "__fish_placet_using_subcommand policy; and not __fish_seen_subcommand_from check test prove activate explain history pack" -f -a "activate" -d 'Put a policy in force, by an administrator\'s passkey'
complete -c placet -n "__fish_placet_using_subcommand policy; and not __fish_seen_subcommand_from check test prove activate explain history pack" -f -a "explain" -d 'Say which policy decided a past decision, and decide it again'
complete -c placet -n "__fish_placet_using_subcommand policy; and not __fish_seen_subcommand_from check test prove activate explain history pack" -f -a "history" -d 'List the policies that were ever in force, who signed them and what they changed'
complete -c placet -n "__fish_placet_using_subcommand policy; and not __fish_seen_subcommand_from check test prove activate explain history pack" -f -a "pack" -d 'Ready policies to begin with'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from check" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from check" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from test" -l cases -d 'The file; default tests.json in the folder' -r -F
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from test" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from test" -l trust -d 'Let what a request says win over the entity store, as in development'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from test" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from prove" -l high-risk -d 'An action of high risk, in place of those that the folder names; may be repeated' -r
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from prove" -l solver -d 'The program cvc5' -r -F
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from prove" -l timeout -d 'The longest that the solver may take for one question: 30s, 2m' -r
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from prove" -l counterexamples -d 'Write what disproves it to a file that `policy test --cases` reads' -r -F
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from prove" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from prove" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from prove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from activate" -l url -d 'Address of the service' -r
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from activate" -l ca-file -d 'Certificate roots beside the system\'s, in PEM' -r -F
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from activate" -l key -d 'File of an enrolled software passkey; without it, the page for real ones is named' -r -F
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from activate" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from activate" -l yes -d 'Do not ask'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from activate" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from activate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from explain" -l evidence -d 'Evidence about it, in place of the ledger\'s own log' -r -F
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from explain" -l policy -d 'The policy that decided, if it is not to come from the ledger' -r -F
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from explain" -l dir -d 'The ledger\'s folder, whether or not a service runs on it' -r -F
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from explain" -l url -d 'Address of the service' -r
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from explain" -l ca-file -d 'Certificate roots beside the system\'s, in PEM' -r -F
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from explain" -l token-file -d 'File with a token of scope evidence.read' -r -F
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from explain" -l key -d 'In place of a token: sign in with this software passkey' -r -F
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from explain" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from explain" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from history" -l dir -d 'The ledger\'s folder, whether or not a service runs on it' -r -F
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from history" -l url -d 'Address of the service' -r
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from history" -l ca-file -d 'Certificate roots beside the system\'s, in PEM' -r -F
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from history" -l token-file -d 'File with a token of scope evidence.read' -r -F
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from history" -l key -d 'In place of a token: sign in with this software passkey' -r -F
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from history" -l limit -d 'The newest so many' -r
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from history" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from history" -l diff -d 'Show which lines changed'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from history" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from pack" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from pack" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from pack" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from pack" -f -a "list" -d 'List them'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from pack" -f -a "show" -d 'Show what one permits, asks and denies, and its policies'
complete -c placet -n "__fish_placet_using_subcommand policy; and __fish_seen_subcommand_from pack" -f -a "write" -d 'Write one into a folder, with its tests'
complete -c placet -n "__fish_placet_using_subcommand approve" -l url -d 'Address of the service' -r
complete -c placet -n "__fish_placet_using_subcommand approve" -l ca-file -d 'Certificate roots beside the system\'s, in PEM' -r -F
complete -c placet -n "__fish_placet_using_subcommand approve" -l token-file -d 'File with the token' -r -F
complete -c placet -n "__fish_placet_using_subcommand approve" -l key -d 'File of an enrolled software passkey; its signature is evidence of nothing' -r -F
complete -c placet -n "__fish_placet_using_subcommand approve" -l reason -d 'Why; with deny only' -r
complete -c placet -n "__fish_placet_using_subcommand approve" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand approve" -l yes -d 'Do not ask'
complete -c placet -n "__fish_placet_using_subcommand approve" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand approve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand deny" -l url -d 'Address of the service' -r
complete -c placet -n "__fish_placet_using_subcommand deny" -l ca-file -d 'Certificate roots beside the system\'s, in PEM' -r -F
complete -c placet -n "__fish_placet_using_subcommand deny" -l token-file -d 'File with the token' -r -F
complete -c placet -n "__fish_placet_using_subcommand deny" -l key -d 'File of an enrolled software passkey; its signature is evidence of nothing' -r -F
complete -c placet -n "__fish_placet_using_subcommand deny" -l reason -d 'Why; with deny only' -r
complete -c placet -n "__fish_placet_using_subcommand deny" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand deny" -l yes -d 'Do not ask'
complete -c placet -n "__fish_placet_using_subcommand deny" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand deny" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand evidence" -l url -d 'Address of the service' -r
complete -c placet -n "__fish_placet_using_subcommand evidence" -l ca-file -d 'Certificate roots beside the system\'s, in PEM' -r -F
complete -c placet -n "__fish_placet_using_subcommand evidence" -l token-file -d 'File with a token of scope evidence.read or pep' -r -F
complete -c placet -n "__fish_placet_using_subcommand evidence" -l dir -d 'The ledger\'s folder, while no service runs on it' -r -F
complete -c placet -n "__fish_placet_using_subcommand evidence" -l wait -d 'Close what is open first, and wait at most so long for it: 30s, 2m' -r
complete -c placet -n "__fish_placet_using_subcommand evidence" -l out -d 'Where the bundle goes; - is standard output' -r -F
complete -c placet -n "__fish_placet_using_subcommand evidence" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand evidence" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand evidence" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand search" -l url -d 'Address of the service' -r
complete -c placet -n "__fish_placet_using_subcommand search" -l ca-file -d 'Certificate roots beside the system\'s, in PEM' -r -F
complete -c placet -n "__fish_placet_using_subcommand search" -l token-file -d 'A token with scope search, in a file' -r -F
complete -c placet -n "__fish_placet_using_subcommand search" -l key -d 'In place of a token: sign in with this software passkey' -r -F
complete -c placet -n "__fish_placet_using_subcommand search" -l log -d 'One log: main or gov; both if it is left out' -r
complete -c placet -n "__fish_placet_using_subcommand search" -l kind -d 'A kind, such as approval or denial' -r
complete -c placet -n "__fish_placet_using_subcommand search" -l request -d 'A request' -r
complete -c placet -n "__fish_placet_using_subcommand search" -l digest -d 'An action, by its action_digest in hexadecimal' -r
complete -c placet -n "__fish_placet_using_subcommand search" -l session -d 'A session of an agent' -r
complete -c placet -n "__fish_placet_using_subcommand search" -l credential -d 'A credential, by its id in base64url' -r
complete -c placet -n "__fish_placet_using_subcommand search" -l approver -d 'The person who answered' -r
complete -c placet -n "__fish_placet_using_subcommand search" -l person -d 'A person who answered, signed or is spoken of' -r
complete -c placet -n "__fish_placet_using_subcommand search" -l agent -d 'The agent: its id, or type/id' -r
complete -c placet -n "__fish_placet_using_subcommand search" -l audience -d 'The enforcement point' -r
complete -c placet -n "__fish_placet_using_subcommand search" -l from -d 'Stated at this time or later, RFC 3339' -r
complete -c placet -n "__fish_placet_using_subcommand search" -l to -d 'Stated before this time, RFC 3339' -r
complete -c placet -n "__fish_placet_using_subcommand search" -l limit -d 'Entries to find' -r
complete -c placet -n "__fish_placet_using_subcommand search" -l cursor -d 'Go on where an earlier search of the same kind ended' -r
complete -c placet -n "__fish_placet_using_subcommand search" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand search" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand search" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand erase" -l url -d 'Address of the service' -r
complete -c placet -n "__fish_placet_using_subcommand erase" -l ca-file -d 'Certificate roots beside the system\'s, in PEM' -r -F
complete -c placet -n "__fish_placet_using_subcommand erase" -l key -d 'File of an enrolled software passkey; without it, the page for real ones is named' -r -F
complete -c placet -n "__fish_placet_using_subcommand erase" -l reason -d 'Why; stands in the log for ever' -r
complete -c placet -n "__fish_placet_using_subcommand erase" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand erase" -l yes -d 'Do not ask'
complete -c placet -n "__fish_placet_using_subcommand erase" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand erase" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand log; and not __fish_seen_subcommand_from show tail export mirror fsck backup restore freeze rebuild-index" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand log; and not __fish_seen_subcommand_from show tail export mirror fsck backup restore freeze rebuild-index" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand log; and not __fish_seen_subcommand_from show tail export mirror fsck backup restore freeze rebuild-index" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand log; and not __fish_seen_subcommand_from show tail export mirror fsck backup restore freeze rebuild-index" -f -a "show" -d 'Both logs in short, or one statement in full'
complete -c placet -n "__fish_placet_using_subcommand log; and not __fish_seen_subcommand_from show tail export mirror fsck backup restore freeze rebuild-index" -f -a "tail" -d 'The last statements, one a line, and those that follow'
complete -c placet -n "__fish_placet_using_subcommand log; and not __fish_seen_subcommand_from show tail export mirror fsck backup restore freeze rebuild-index" -f -a "export" -d 'Write a copy for those who verify: checkpoint, tiles, the statements that are not erased'
complete -c placet -n "__fish_placet_using_subcommand log; and not __fish_seen_subcommand_from show tail export mirror fsck backup restore freeze rebuild-index" -f -a "mirror" -d 'Follow a log of somebody else\'s into a copy; refuses whatever is inconsistent'
complete -c placet -n "__fish_placet_using_subcommand log; and not __fish_seen_subcommand_from show tail export mirror fsck backup restore freeze rebuild-index" -f -a "fsck" -d 'Read everything again and say what does not fit together; repairs nothing'
complete -c placet -n "__fish_placet_using_subcommand log; and not __fish_seen_subcommand_from show tail export mirror fsck backup restore freeze rebuild-index" -f -a "backup" -d 'Write a backup of everything that can\'t be made again, keys included; a service may run'
complete -c placet -n "__fish_placet_using_subcommand log; and not __fish_seen_subcommand_from show tail export mirror fsck backup restore freeze rebuild-index" -f -a "restore" -d 'Make a folder of a backup; refuses one that is behind a checkpoint that is known'
complete -c placet -n "__fish_placet_using_subcommand log; and not __fish_seen_subcommand_from show tail export mirror fsck backup restore freeze rebuild-index" -f -a "freeze" -d 'Publish the last checkpoints and add nothing any more, for ever; the service must be stopped'
complete -c placet -n "__fish_placet_using_subcommand log; and not __fish_seen_subcommand_from show tail export mirror fsck backup restore freeze rebuild-index" -f -a "rebuild-index" -d 'Make the derived indexes again from the journals; the service must be stopped'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from show" -l dir -d 'The ledger\'s folder' -r -F
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from show" -l log -d 'Which log' -r -f -a "main\t'Decisions, approvals, executions'
gov\t'Keys, policies, persons'"
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from show" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from show" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from tail" -l dir -d 'The ledger\'s folder; a service may write it' -r -F
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from tail" -l log -d 'Which log' -r -f -a "main\t'Decisions, approvals, executions'
gov\t'Keys, policies, persons'
both\t'Both, by the time that issuers claim; within a log in its order'"
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from tail" -s n -l lines -d 'How many' -r
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from tail" -l kind -d 'Only these kinds (decision, approval, ...; erased, external), separated by commas' -r
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from tail" -l request -d 'Only this request' -r
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from tail" -l agent -d 'Only what this agent, or this subject of an action, asked for' -r
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from tail" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from tail" -s f -l follow -d 'Go on with what is added, until interrupted'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from tail" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from tail" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from export" -l dir -d 'The ledger\'s folder' -r -F
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from export" -l out -d 'The folder of the copy, missing or empty' -r -F
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from export" -l log -d 'Which log' -r -f -a "main\t'Decisions, approvals, executions'
gov\t'Keys, policies, persons'
both\t'Both, into COPY/log and COPY/gov: what `placet-verify audit` reads'"
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from export" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from export" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from mirror" -l out -d 'The folder of the copy. With a trust file, `log` and `gov` in it' -r -F
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from mirror" -l trust -d 'What you trust: both logs of the ledger are followed, under their witness policies' -r -F
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from mirror" -l vkey -d 'The key of any C2SP tlog-tiles log, in place of a trust file' -r
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from mirror" -l origin -d 'The log\'s origin, if its key has another name' -r
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from mirror" -l ledger -d 'The ledger\'s origin, if the trust file knows several' -r
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from mirror" -l token-file -d 'File with a token of scope evidence.read: statements are copied, too' -r -F
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from mirror" -l ca-file -d 'Certificate roots beside the system\'s, in PEM' -r -F
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from mirror" -l interval -d 'Seconds between two looks' -r
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from mirror" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from mirror" -l no-bodies -d 'Copy no statements, whatever token there is'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from mirror" -l once -d 'Take what is there now and end'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from mirror" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from mirror" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from fsck" -l dir -d 'The same' -r -F
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from fsck" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from fsck" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from fsck" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from backup" -l dir -d 'The ledger\'s folder' -r -F
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from backup" -l out -d 'The folder of the backup, missing or empty' -r -F
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from backup" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from backup" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from backup" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from restore" -l dir -d 'The folder to make, missing or empty, or where this was interrupted' -r -F
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from restore" -l from -d 'The backup' -r -F
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from restore" -l checkpoint -d 'A checkpoint of a log, from a monitor, a witness or evidence; may be repeated' -r -F
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from restore" -l old -d 'What is left of the old folder, for the checkpoints in it; may be repeated' -r -F
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from restore" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from restore" -l nothing-known -d 'Nobody has a checkpoint. Then a backup that is behind the log forks it unnoticed'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from restore" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from freeze" -l dir -d 'The ledger\'s folder' -r -F
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from freeze" -l reason -d 'Why, for those who find it' -r
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from freeze" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from freeze" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from freeze" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from rebuild-index" -l dir -d 'The ledger\'s folder' -r -F
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from rebuild-index" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from rebuild-index" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand log; and __fish_seen_subcommand_from rebuild-index" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand export; and not __fish_seen_subcommand_from run backfill hash-key status test" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand export; and not __fish_seen_subcommand_from run backfill hash-key status test" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand export; and not __fish_seen_subcommand_from run backfill hash-key status test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand export; and not __fish_seen_subcommand_from run backfill hash-key status test" -f -a "run" -d 'Send both logs to the sinks of export.toml, and go on as they grow'
complete -c placet -n "__fish_placet_using_subcommand export; and not __fish_seen_subcommand_from run backfill hash-key status test" -f -a "backfill" -d 'Write everything that both logs published as events into a file, one a line'
complete -c placet -n "__fish_placet_using_subcommand export; and not __fish_seen_subcommand_from run backfill hash-key status test" -f -a "hash-key" -d 'Write the key of the hashes in events, for whoever compares them with the log'
complete -c placet -n "__fish_placet_using_subcommand export; and not __fish_seen_subcommand_from run backfill hash-key status test" -f -a "status" -d 'Where each sink stands: next leaf, lag, last acknowledgement, last error'
complete -c placet -n "__fish_placet_using_subcommand export; and not __fish_seen_subcommand_from run backfill hash-key status test" -f -a "test" -d 'Send one test event to each sink and say what came back'
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from run" -l dir -d 'The ledger\'s folder; the service may run' -r -F
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from run" -l config -d 'The sinks; default DIR/export.toml' -r -F
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from run" -l state -d 'Folder of the cursors; default DIR/state/export' -r -F
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from run" -l metrics -d 'Serve metrics for Prometheus at this address and port; port 0 takes a free one' -r
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from run" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from run" -l once -d 'End when everything that is published now has been sent'
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from run" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from backfill" -l dir -d 'The ledger\'s folder; the service may run' -r -F
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from backfill" -l out -d 'The file to write, replaced where it is; - is standard output' -r -F
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from backfill" -l format -d 'ocsf, ocsf-1.8, cef, leef, ecs, cloudevents or json' -r
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from backfill" -l field -d 'Show a field in another way than docs/events.md, such as reason=plain; may be repeated' -r
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from backfill" -l hash-key -d 'The key of hashes; default DIR/keys/export-hash, made where it is missing' -r -F
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from backfill" -l sink -d 'Format, fields and key as this sink of export.toml has them' -r
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from backfill" -l config -d 'The sinks; default DIR/export.toml' -r -F
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from backfill" -l log -d 'Events of which logs' -r -f -a "both\t'Both, the governance log first'
main\t'Decisions, answers, executions'
gov\t'Keys, policies, people'"
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from backfill" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from backfill" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from backfill" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from hash-key" -l dir -d 'The ledger\'s folder' -r -F
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from hash-key" -l out -d 'The file to write, which must not be there' -r -F
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from hash-key" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from hash-key" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from hash-key" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from status" -l dir -d 'The ledger\'s folder; the service may run' -r -F
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from status" -l config -d 'The sinks; default DIR/export.toml' -r -F
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from status" -l state -d 'Folder of the cursors; default DIR/state/export' -r -F
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from status" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from status" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from test" -l dir -d 'The ledger\'s folder; the service may run' -r -F
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from test" -l config -d 'The sinks; default DIR/export.toml' -r -F
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from test" -l state -d 'Folder of the cursors; default DIR/state/export' -r -F
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from test" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from test" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand export; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand witness; and not __fish_seen_subcommand_from init serve" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand witness; and not __fish_seen_subcommand_from init serve" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand witness; and not __fish_seen_subcommand_from init serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand witness; and not __fish_seen_subcommand_from init serve" -f -a "init" -d 'Make a witness\'s key, and name the logs that it knows'
complete -c placet -n "__fish_placet_using_subcommand witness; and not __fish_seen_subcommand_from init serve" -f -a "serve" -d 'Run the witness'
complete -c placet -n "__fish_placet_using_subcommand witness; and __fish_seen_subcommand_from init" -l dir -d 'The witness\'s folder' -r -F
complete -c placet -n "__fish_placet_using_subcommand witness; and __fish_seen_subcommand_from init" -l name -d 'Name of the key' -r
complete -c placet -n "__fish_placet_using_subcommand witness; and __fish_seen_subcommand_from init" -l log -d 'A log\'s key, as a vkey; may be repeated, with one --origin each' -r
complete -c placet -n "__fish_placet_using_subcommand witness; and __fish_seen_subcommand_from init" -l origin -d 'The log\'s origin, if its key has another name' -r
complete -c placet -n "__fish_placet_using_subcommand witness; and __fish_seen_subcommand_from init" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand witness; and __fish_seen_subcommand_from init" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand witness; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand witness; and __fish_seen_subcommand_from serve" -l dir -d 'The witness\'s folder' -r -F
complete -c placet -n "__fish_placet_using_subcommand witness; and __fish_seen_subcommand_from serve" -l listen -d 'Address and port; port 0 takes a free one' -r
complete -c placet -n "__fish_placet_using_subcommand witness; and __fish_seen_subcommand_from serve" -l log -d 'A log\'s key, as a vkey; may be repeated, with one --origin each' -r
complete -c placet -n "__fish_placet_using_subcommand witness; and __fish_seen_subcommand_from serve" -l origin -d 'The log\'s origin, if its key has another name' -r
complete -c placet -n "__fish_placet_using_subcommand witness; and __fish_seen_subcommand_from serve" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand witness; and __fish_seen_subcommand_from serve" -l until-stdin-ends -d 'End when standard input does: for whoever starts a witness as a child'
complete -c placet -n "__fish_placet_using_subcommand witness; and __fish_seen_subcommand_from serve" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand witness; and __fish_seen_subcommand_from serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand trust; and not __fish_seen_subcommand_from export" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand trust; and not __fish_seen_subcommand_from export" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand trust; and not __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand trust; and not __fish_seen_subcommand_from export" -f -a "export" -d 'Make a trust file for this ledger, or add to one'
complete -c placet -n "__fish_placet_using_subcommand trust; and __fish_seen_subcommand_from export" -l dir -d 'The ledger\'s folder' -r -F
complete -c placet -n "__fish_placet_using_subcommand trust; and __fish_seen_subcommand_from export" -l out -d 'The trust file; one that exists is added to' -r -F
complete -c placet -n "__fish_placet_using_subcommand trust; and __fish_seen_subcommand_from export" -l root -d 'A passkey whose owner has told you its six words: its thumbprint, eight digits of it or more, or the words; may be repeated' -r
complete -c placet -n "__fish_placet_using_subcommand trust; and __fish_seen_subcommand_from export" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand trust; and __fish_seen_subcommand_from export" -l yes -d 'Do not ask: the words were compared'
complete -c placet -n "__fish_placet_using_subcommand trust; and __fish_seen_subcommand_from export" -l allow-dev -d 'Let evidence of a development ledger pass'
complete -c placet -n "__fish_placet_using_subcommand trust; and __fish_seen_subcommand_from export" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand trust; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand notify; and not __fish_seen_subcommand_from test status retry" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand notify; and not __fish_seen_subcommand_from test status retry" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand notify; and not __fish_seen_subcommand_from test status retry" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand notify; and not __fish_seen_subcommand_from test status retry" -f -a "test" -d 'Send a test to the targets in placet.toml, whether or not the service runs'
complete -c placet -n "__fish_placet_using_subcommand notify; and not __fish_seen_subcommand_from test status retry" -f -a "status" -d 'What waits, what was delivered, what was given up'
complete -c placet -n "__fish_placet_using_subcommand notify; and not __fish_seen_subcommand_from test status retry" -f -a "retry" -d 'Queue what was given up again'
complete -c placet -n "__fish_placet_using_subcommand notify; and __fish_seen_subcommand_from test" -l dir -d 'The ledger\'s folder' -r -F
complete -c placet -n "__fish_placet_using_subcommand notify; and __fish_seen_subcommand_from test" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand notify; and __fish_seen_subcommand_from test" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand notify; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand notify; and __fish_seen_subcommand_from status" -l dir -d 'The ledger\'s folder' -r -F
complete -c placet -n "__fish_placet_using_subcommand notify; and __fish_seen_subcommand_from status" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand notify; and __fish_seen_subcommand_from status" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand notify; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand notify; and __fish_seen_subcommand_from retry" -l dir -d 'The ledger\'s folder' -r -F
complete -c placet -n "__fish_placet_using_subcommand notify; and __fish_seen_subcommand_from retry" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand notify; and __fish_seen_subcommand_from retry" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand notify; and __fish_seen_subcommand_from retry" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand keys; and not __fish_seen_subcommand_from list" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand keys; and not __fish_seen_subcommand_from list" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand keys; and not __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand keys; and not __fish_seen_subcommand_from list" -f -a "list" -d 'All public keys of a ledger'
complete -c placet -n "__fish_placet_using_subcommand keys; and __fish_seen_subcommand_from list" -l dir -d 'The ledger\'s folder' -r -F
complete -c placet -n "__fish_placet_using_subcommand keys; and __fish_seen_subcommand_from list" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand keys; and __fish_seen_subcommand_from list" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand keys; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand config; and not __fish_seen_subcommand_from check" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand config; and not __fish_seen_subcommand_from check" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand config; and not __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand config; and not __fish_seen_subcommand_from check" -f -a "check" -d 'Print the settings in force, each with where it comes from'
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l dir -d 'The ledger\'s folder' -r -F
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l public-url -d 'Origin of the pages, as browsers see it, such as https://placet.example.com' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l listen -d 'Address and port; port 0 takes a free one' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l tls-cert -d 'Certificate chain in PEM; read again on SIGHUP and when it changes' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l tls-key -d 'The certificate\'s key in PEM' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l trusted-proxy -d 'Proxies whose X-Forwarded-For, -Host and -Proto count: addresses or ranges, 64 at most' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l metrics-public -d 'Whether /metrics needs no token on this machine' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l origins -d 'Further origins that clients may state' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l witness-policy -d 'Witnesses and their quorum: a C2SP tlog-policy without `log` lines' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l operated-by-self -d 'Witnesses that the operator runs' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l publish-ms -d 'Milliseconds between two cosigned checkpoints' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l recosign-open-s -d 'Age in seconds at which a note is renewed while a request is open' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l recosign-idle-s -d 'Age in seconds at which a note is renewed otherwise' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l request-s -d 'Seconds for which a request can be answered and its approval spent; outside development a minute at least' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l outcome-s -d 'Seconds after which a missing outcome is recorded as unknown' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l recovery-delay-s -d 'Seconds from the announcement of a recovery to its enrolment; outside development a day at least' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l attestation -d 'What registrations ask of browsers' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l attestation-roots -d 'Vendors\' roots by which attestations are judged, in PEM or DER' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l require-attested -d 'Whether passkeys that no pinned root attests are refused' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l max-open-per-agent -d 'Requests of one agent that may wait for persons at the same time' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l openings-per-minute -d 'Requests that one agent may open in a minute' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l strict-defaults -d 'Whether items of a batch of evaluations take no type, id or name from the defaults for an object of their own (AuthZEN\'s scenario; its conformance suite needs them)' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l person-rate -d 'Calls a second of each person who is signed in; ten seconds\' worth at once' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l token-rate -d 'Calls a second of each token; ten seconds\' worth at once' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l address-rate -d 'Calls a second from each address, of those who are not known; ten seconds\' worth at once' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l sign-in-rate -d 'Of these, steps of signing in and of registering a passkey' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l address-connections -d 'Connections from one address, but from trusted proxies' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l callback-origins -d 'Origins that agents may name for callbacks (ARAP)' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l outbound-allow -d 'Hosts that may be called beside public HTTPS servers: host or host:port' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l outbound-ca-file -d 'Certificate roots beside the system\'s, in PEM' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l export-required -d 'Sinks of `placet export` that have to follow: while one is further behind than the next two allow, nothing is decided or spent' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l export-max-lag -d 'Leaves by which they may be behind; 0 for any number' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l export-max-lag-s -d 'Seconds for which a leaf may wait to be exported; 0 for any time' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l notify -d 'Whom to tell of what happens: a TOML file with `[[notify]]` tables' -r
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -f -a "create" -d 'Make a token and print it, once'
complete -c placet -n "__fish_placet_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -f -a "list" -d 'List tokens, without their secrets'
complete -c placet -n "__fish_placet_using_subcommand token; and not __fish_seen_subcommand_from create list revoke" -f -a "revoke" -d 'Revoke a token, at once and for ever'
complete -c placet -n "__fish_placet_using_subcommand token; and __fish_seen_subcommand_from create" -l dir -d 'The ledger\'s folder; the service may run' -r -F
complete -c placet -n "__fish_placet_using_subcommand token; and __fish_seen_subcommand_from create" -l scope -d 'What it may do: pep, evidence.read, search, metrics, admin; may be repeated' -r
complete -c placet -n "__fish_placet_using_subcommand token; and __fish_seen_subcommand_from create" -l label -d 'What you call it' -r
complete -c placet -n "__fish_placet_using_subcommand token; and __fish_seen_subcommand_from create" -l expires -d 'Days after which it ends' -r
complete -c placet -n "__fish_placet_using_subcommand token; and __fish_seen_subcommand_from create" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand token; and __fish_seen_subcommand_from create" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand token; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand token; and __fish_seen_subcommand_from list" -l dir -d 'The ledger\'s folder' -r -F
complete -c placet -n "__fish_placet_using_subcommand token; and __fish_seen_subcommand_from list" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand token; and __fish_seen_subcommand_from list" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand token; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand token; and __fish_seen_subcommand_from revoke" -l dir -d 'The ledger\'s folder' -r -F
complete -c placet -n "__fish_placet_using_subcommand token; and __fish_seen_subcommand_from revoke" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand token; and __fish_seen_subcommand_from revoke" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand token; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand bench; and not __fish_seen_subcommand_from append records http grow grow-worker" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand bench; and not __fish_seen_subcommand_from append records http grow grow-worker" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand bench; and not __fish_seen_subcommand_from append records http grow grow-worker" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand bench; and not __fish_seen_subcommand_from append records http grow grow-worker" -f -a "append" -d 'Measure how many approvals a second are recorded, beside what the machine allows'
complete -c placet -n "__fish_placet_using_subcommand bench; and not __fish_seen_subcommand_from append records http grow grow-worker" -f -a "records" -d 'Measure how many records without an assertion are appended, and how soon each has its proof'
complete -c placet -n "__fish_placet_using_subcommand bench; and not __fish_seen_subcommand_from append records http grow grow-worker" -f -a "http" -d 'Measure how long calls of a server take, at a rate that does not wait for them'
complete -c placet -n "__fish_placet_using_subcommand bench; and not __fish_seen_subcommand_from append records http grow grow-worker" -f -a "grow" -d 'Measure how a log does as it grows: rate, proofs, memory, restart, disk'
complete -c placet -n "__fish_placet_using_subcommand bench; and not __fish_seen_subcommand_from append records http grow grow-worker" -f -a "grow-worker" -d 'The process with the log that `grow` looks at'
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from append" -l seconds -d 'How long each stage is measured' -r
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from append" -l dir -d 'A folder of the file system that is measured; what is made there is removed again' -r -F
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from append" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from append" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from append" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from records" -l seconds -d 'How long each of the two stages is measured' -r
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from records" -l size -d 'Bytes of a record' -r
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from records" -l inflight -d 'Calls that wait at any time in the first stage' -r
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from records" -l dir -d 'A folder of the file system that is measured; what is made there is removed again' -r -F
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from records" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from records" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from records" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from http" -l url -d 'What is called: http://HOST:PORT/PATH, of this machine' -r
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from http" -l body -d 'A body to be sent by POST; without one it is a GET' -r -F
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from http" -l header -d 'A header, as in "Content-Type: application/json"; several times for several' -r
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from http" -l token-file -d 'A file with a token, which is sent as "Authorization: Bearer"' -r -F
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from http" -l expect -d 'The status of a good answer' -r
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from http" -l rate -d 'Calls a second, due whether or not the server keeps up; 0 for as many as the connections get' -r
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from http" -l seconds -d 'How long, a second of warming up apart' -r
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from http" -l connections -d 'Connections, each with one call at a time' -r
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from http" -l dir -d 'A folder of the file system that the server writes to, where flushes are measured' -r -F
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from http" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from http" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from http" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from grow" -l entries -d 'Entries of the log; ten million of 512 bytes take 7 GB for a while' -r
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from grow" -l size -d 'Bytes of a record' -r
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from grow" -l dir -d 'A folder of the file system that is measured; what is made there is removed again' -r -F
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from grow" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from grow" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from grow" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from grow-worker" -l dir -d 'The folder of the log, which is made if it is not there' -r -F
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from grow-worker" -l size -d 'Bytes of a record' -r
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from grow-worker" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from grow-worker" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand bench; and __fish_seen_subcommand_from grow-worker" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c placet -n "__fish_placet_using_subcommand completions" -l color -d 'Colours: words say everything by themselves' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Also into files and pipes'
never\t'Nowhere'"
complete -c placet -n "__fish_placet_using_subcommand completions" -l json -d 'Results as JSON, one object a line'
complete -c placet -n "__fish_placet_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
