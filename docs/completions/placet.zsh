#compdef placet

autoload -U is-at-least

_placet() {
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
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_placet_commands" \
"*::: :->placet" \
&& ret=0
    case $state in
    (placet)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:placet-command-$line[1]:"
        case $line[1] in
            (demo)
_arguments "${_arguments_options[@]}" : \
'--dir=[Where everything is kept; default a new folder among the temporary files]:DIR:_files' \
'--passkey=[Who signs; default the browser where one can be opened]:WHAT:((browser\:"Open the pages in a browser and wait for you"
software\:"A key in a file stands for you; evidence of nothing"))' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(init)
_arguments "${_arguments_options[@]}" : \
'--dir=[The folder, missing or empty]:DIR:_files' \
'--policy=[The policy folder, or pack\:NAME; without one everything is denied (with --dev\: the demonstration'\''s)]:FOLDER:_files' \
'--origin=[Name of the main log, for ever\: a host name with a path, such as ledger.example.com/2026]:NAME:_default' \
'--rp-id=[Host name to which passkeys are bound; another one is another ledger, in which everybody enrols again]:HOST:_default' \
'--dev=[For trying out\: takes software keys, and its evidence says so]::BOOL:_default' \
'--audience=[Name of the enforcement point for which requests are decided]:NAME:_default' \
'--external-issuers=[Other issuers whose statements are registered\: RFC 9679 thumbprints in hexadecimal]:THUMBPRINTS:_default' \
'--receipt-alg=[Algorithm of the receipt keys; es256 for verifiers without Ed25519]:ALG:_default' \
'--public-url=[Origin of the pages, as browsers see it, such as https\://placet.example.com]:URL:_default' \
'--listen=[Address and port; port 0 takes a free one]:ADDR:_default' \
'--tls-cert=[Certificate chain in PEM; read again on SIGHUP and when it changes]:FILE:_default' \
'--tls-key=[The certificate'\''s key in PEM]:FILE:_default' \
'--trusted-proxy=[Proxies whose X-Forwarded-For, -Host and -Proto count\: addresses or ranges, 64 at most]:RANGES:_default' \
'--metrics-public=[Whether /metrics needs no token on this machine]::BOOL:_default' \
'--origins=[Further origins that clients may state]:ORIGINS:_default' \
'--witness-policy=[Witnesses and their quorum\: a C2SP tlog-policy without \`log\` lines]:FILE:_default' \
'--operated-by-self=[Witnesses that the operator runs]:NAMES:_default' \
'--publish-ms=[Milliseconds between two cosigned checkpoints]:MS:_default' \
'--recosign-open-s=[Age in seconds at which a note is renewed while a request is open]:S:_default' \
'--recosign-idle-s=[Age in seconds at which a note is renewed otherwise]:S:_default' \
'--request-s=[Seconds for which a request can be answered and its approval spent; outside development a minute at least]:S:_default' \
'--outcome-s=[Seconds after which a missing outcome is recorded as unknown]:S:_default' \
'--recovery-delay-s=[Seconds from the announcement of a recovery to its enrolment; outside development a day at least]:S:_default' \
'--attestation=[What registrations ask of browsers]:WHAT:_default' \
'--attestation-roots=[Vendors'\'' roots by which attestations are judged, in PEM or DER]:FOLDER:_default' \
'--require-attested=[Whether passkeys that no pinned root attests are refused]::BOOL:_default' \
'--max-open-per-agent=[Requests of one agent that may wait for persons at the same time]:N:_default' \
'--openings-per-minute=[Requests that one agent may open in a minute]:N:_default' \
'--strict-defaults=[Whether items of a batch of evaluations take no type, id or name from the defaults for an object of their own (AuthZEN'\''s scenario; its conformance suite needs them)]::BOOL:_default' \
'--person-rate=[Calls a second of each person who is signed in; ten seconds'\'' worth at once]:N:_default' \
'--token-rate=[Calls a second of each token; ten seconds'\'' worth at once]:N:_default' \
'--address-rate=[Calls a second from each address, of those who are not known; ten seconds'\'' worth at once]:N:_default' \
'--sign-in-rate=[Of these, steps of signing in and of registering a passkey]:N:_default' \
'--address-connections=[Connections from one address, but from trusted proxies]:N:_default' \
'--callback-origins=[Origins that agents may name for callbacks (ARAP)]:ORIGINS:_default' \
'--outbound-allow=[Hosts that may be called beside public HTTPS servers\: host or host\:port]:HOSTS:_default' \
'--outbound-ca-file=[Certificate roots beside the system'\''s, in PEM]:FILE:_default' \
'--export-required=[Sinks of \`placet export\` that have to follow\: while one is further behind than the next two allow, nothing is decided or spent]:SINKS:_default' \
'--export-max-lag=[Leaves by which they may be behind; 0 for any number]:N:_default' \
'--export-max-lag-s=[Seconds for which a leaf may wait to be exported; 0 for any time]:S:_default' \
'--notify=[Whom to tell of what happens\: a TOML file with \`\[\[notify\]\]\` tables]:FILE:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(serve)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder]:DIR:_files' \
'--public-url=[Origin of the pages, as browsers see it, such as https\://placet.example.com]:URL:_default' \
'--listen=[Address and port; port 0 takes a free one]:ADDR:_default' \
'--tls-cert=[Certificate chain in PEM; read again on SIGHUP and when it changes]:FILE:_default' \
'--tls-key=[The certificate'\''s key in PEM]:FILE:_default' \
'--trusted-proxy=[Proxies whose X-Forwarded-For, -Host and -Proto count\: addresses or ranges, 64 at most]:RANGES:_default' \
'--metrics-public=[Whether /metrics needs no token on this machine]::BOOL:_default' \
'--origins=[Further origins that clients may state]:ORIGINS:_default' \
'--witness-policy=[Witnesses and their quorum\: a C2SP tlog-policy without \`log\` lines]:FILE:_default' \
'--operated-by-self=[Witnesses that the operator runs]:NAMES:_default' \
'--publish-ms=[Milliseconds between two cosigned checkpoints]:MS:_default' \
'--recosign-open-s=[Age in seconds at which a note is renewed while a request is open]:S:_default' \
'--recosign-idle-s=[Age in seconds at which a note is renewed otherwise]:S:_default' \
'--request-s=[Seconds for which a request can be answered and its approval spent; outside development a minute at least]:S:_default' \
'--outcome-s=[Seconds after which a missing outcome is recorded as unknown]:S:_default' \
'--recovery-delay-s=[Seconds from the announcement of a recovery to its enrolment; outside development a day at least]:S:_default' \
'--attestation=[What registrations ask of browsers]:WHAT:_default' \
'--attestation-roots=[Vendors'\'' roots by which attestations are judged, in PEM or DER]:FOLDER:_default' \
'--require-attested=[Whether passkeys that no pinned root attests are refused]::BOOL:_default' \
'--max-open-per-agent=[Requests of one agent that may wait for persons at the same time]:N:_default' \
'--openings-per-minute=[Requests that one agent may open in a minute]:N:_default' \
'--strict-defaults=[Whether items of a batch of evaluations take no type, id or name from the defaults for an object of their own (AuthZEN'\''s scenario; its conformance suite needs them)]::BOOL:_default' \
'--person-rate=[Calls a second of each person who is signed in; ten seconds'\'' worth at once]:N:_default' \
'--token-rate=[Calls a second of each token; ten seconds'\'' worth at once]:N:_default' \
'--address-rate=[Calls a second from each address, of those who are not known; ten seconds'\'' worth at once]:N:_default' \
'--sign-in-rate=[Of these, steps of signing in and of registering a passkey]:N:_default' \
'--address-connections=[Connections from one address, but from trusted proxies]:N:_default' \
'--callback-origins=[Origins that agents may name for callbacks (ARAP)]:ORIGINS:_default' \
'--outbound-allow=[Hosts that may be called beside public HTTPS servers\: host or host\:port]:HOSTS:_default' \
'--outbound-ca-file=[Certificate roots beside the system'\''s, in PEM]:FILE:_default' \
'--export-required=[Sinks of \`placet export\` that have to follow\: while one is further behind than the next two allow, nothing is decided or spent]:SINKS:_default' \
'--export-max-lag=[Leaves by which they may be behind; 0 for any number]:N:_default' \
'--export-max-lag-s=[Seconds for which a leaf may wait to be exported; 0 for any time]:S:_default' \
'--notify=[Whom to tell of what happens\: a TOML file with \`\[\[notify\]\]\` tables]:FILE:_default' \
'--policy=[The policy folder, watched\: a change is put in force by a software passkey; with --dev only]:FOLDER:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--dev[Make a development ledger if the folder is missing or empty]' \
'--new-code[Print a new one-time enrolment code; only while nobody is enrolled]' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(request)
_arguments "${_arguments_options[@]}" : \
'--url=[Address of the service]:URL:_default' \
'--ca-file=[Certificate roots beside the system'\''s, in PEM]:FILE:_files' \
'--token-file=[File with the token]:FILE:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':action -- The action, as an AuthZEN evaluation request; - is standard input:_files' \
&& ret=0
;;
(gateway)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_placet__subcmd__gateway_commands" \
"*::: :->gateway" \
&& ret=0

    case $state in
    (gateway)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:placet-gateway-command-$line[1]:"
        case $line[1] in
            (http)
_arguments "${_arguments_options[@]}" : \
'--config=[The route table, and where the API is]:FILE:_files' \
'--dir=[A ledger'\''s folder\: its service runs in this process too]:DIR:_files' \
'--ledger=[Address of the ledger'\''s service]:URL:_default' \
'(--dir)--token-file=[File with a token of scope pep]:FILE:_files' \
'--ca-file=[Certificate roots for the ledger, in PEM, in place of the system'\''s]:FILE:_files' \
'--listen=[Address and port for agents, and for nginx and Caddy]:ADDRESS:_default' \
'--ext-authz=[Address and port for Envoy (ext_authz over gRPC, without TLS)]:ADDRESS:_default' \
'--tls-cert=[Certificate chain, in PEM]:FILE:_files' \
'--tls-key=[Key of the certificate, in PEM]:FILE:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(check)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':file -- The file:_files' \
&& ret=0
;;
        esac
    ;;
esac
;;
(enrol)
_arguments "${_arguments_options[@]}" : \
'--url=[Address of the service]:URL:_default' \
'--ca-file=[Certificate roots beside the system'\''s, in PEM]:FILE:_files' \
'--token-file=[File with the token]:FILE:_files' \
'--key=[File of the software passkey; made if it is missing]:SOFTKEY:_files' \
'--code=[The one-time code that \`init\` printed]:CODE:_default' \
'--name=[Name of the person]:NAME:_default' \
'--rp-id=[Host name to which a new key is bound]:HOST:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(people)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_placet__subcmd__people_commands" \
"*::: :->people" \
&& ret=0

    case $state in
    (people)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:placet-people-command-$line[1]:"
        case $line[1] in
            (invite)
_arguments "${_arguments_options[@]}" : \
'--url=[Address of the service]:URL:_default' \
'--ca-file=[Certificate roots beside the system'\''s, in PEM]:FILE:_files' \
'--key=[File of an enrolled software passkey; without it, the page for real ones is named]:SOFTKEY:_files' \
'*--role=[A role; may be repeated]:ROLE:((administrator\:"Lets people in and out, signs policies"
approver\:"Answers requests"
auditor\:"Reads everything"
operator\:"Runs the service"))' \
'*--identity=[An id of the person in other systems, such as an e-mail address; may be repeated]:ID:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':name -- The name:_default' \
&& ret=0
;;
(list)
_arguments "${_arguments_options[@]}" : \
'--url=[Address of the service]:URL:_default' \
'--ca-file=[Certificate roots beside the system'\''s, in PEM]:FILE:_files' \
'--key=[File of an enrolled software passkey; without it, the page for real ones is named]:SOFTKEY:_files' \
'(--key)--token-file=[File with a token of scope admin]:FILE:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(role)
_arguments "${_arguments_options[@]}" : \
'--url=[Address of the service]:URL:_default' \
'--ca-file=[Certificate roots beside the system'\''s, in PEM]:FILE:_files' \
'--key=[File of an enrolled software passkey; without it, the page for real ones is named]:SOFTKEY:_files' \
'*--role=[A role, of all that the person has from now on; may be repeated, none takes all away]:ROLE:((administrator\:"Lets people in and out, signs policies"
approver\:"Answers requests"
auditor\:"Reads everything"
operator\:"Runs the service"))' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--last-administrator[Go on though nobody can administrate the ledger afterwards]' \
'--yes[Do not ask]' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':person -- The person'\''s name, or id:_default' \
&& ret=0
;;
(revoke)
_arguments "${_arguments_options[@]}" : \
'--url=[Address of the service]:URL:_default' \
'--ca-file=[Certificate roots beside the system'\''s, in PEM]:FILE:_files' \
'--key=[File of an enrolled software passkey; without it, the page for real ones is named]:SOFTKEY:_files' \
'--reason=[Why; stands in the log for ever]:TEXT:_default' \
'--effective-from=[Since when it is not to be trusted, such as 2026-11-22T04\:00\:00Z; default now]:TIME:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--last-administrator[Go on though nobody can administrate the ledger afterwards]' \
'--yes[Do not ask]' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':passkey -- The passkey\: its thumbprint, eight digits of it or more, or its six words:_default' \
&& ret=0
;;
(recover)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder; the service may run]:DIR:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':name -- The person'\''s name, or id:_default' \
&& ret=0
;;
        esac
    ;;
esac
;;
(policy)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_placet__subcmd__policy_commands" \
"*::: :->policy" \
&& ret=0

    case $state in
    (policy)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:placet-policy-command-$line[1]:"
        case $line[1] in
            (check)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':folder -- The folder:_files' \
&& ret=0
;;
(test)
_arguments "${_arguments_options[@]}" : \
'--cases=[The file; default tests.json in the folder]:FILE:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--trust[Let what a request says win over the entity store, as in development]' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':folder -- The folder:_files' \
&& ret=0
;;
(prove)
_arguments "${_arguments_options[@]}" : \
'*--high-risk=[An action of high risk, in place of those that the folder names; may be repeated]:ACTION:_default' \
'--solver=[The program cvc5]:PATH:_files' \
'--timeout=[The longest that the solver may take for one question\: 30s, 2m]:TIME:_default' \
'--counterexamples=[Write what disproves it to a file that \`policy test --cases\` reads]:FILE:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':folder -- The folder:_files' \
&& ret=0
;;
(activate)
_arguments "${_arguments_options[@]}" : \
'--url=[Address of the service]:URL:_default' \
'--ca-file=[Certificate roots beside the system'\''s, in PEM]:FILE:_files' \
'--key=[File of an enrolled software passkey; without it, the page for real ones is named]:SOFTKEY:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--yes[Do not ask]' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':folder -- The policy folder:_files' \
&& ret=0
;;
(explain)
_arguments "${_arguments_options[@]}" : \
'--evidence=[Evidence about it, in place of the ledger'\''s own log]:FILE:_files' \
'--policy=[The policy that decided, if it is not to come from the ledger]:FOLDER:_files' \
'--dir=[The ledger'\''s folder, whether or not a service runs on it]:DIR:_files' \
'--url=[Address of the service]:URL:_default' \
'--ca-file=[Certificate roots beside the system'\''s, in PEM]:FILE:_files' \
'--token-file=[File with a token of scope evidence.read]:FILE:_files' \
'--key=[In place of a token\: sign in with this software passkey]:SOFTKEY:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::about -- A request, or the index of a receipt in the main log; of --evidence all, without it:_default' \
&& ret=0
;;
(history)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder, whether or not a service runs on it]:DIR:_files' \
'--url=[Address of the service]:URL:_default' \
'--ca-file=[Certificate roots beside the system'\''s, in PEM]:FILE:_files' \
'--token-file=[File with a token of scope evidence.read]:FILE:_files' \
'--key=[In place of a token\: sign in with this software passkey]:SOFTKEY:_files' \
'--limit=[The newest so many]:N:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--diff[Show which lines changed]' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(pack)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_placet__subcmd__policy__subcmd__pack_commands" \
"*::: :->pack" \
&& ret=0

    case $state in
    (pack)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:placet-policy-pack-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':name -- Its name:_default' \
&& ret=0
;;
(write)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':name -- Its name:_default' \
':folder -- The folder, missing or empty:_files' \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(approve)
_arguments "${_arguments_options[@]}" : \
'--url=[Address of the service]:URL:_default' \
'--ca-file=[Certificate roots beside the system'\''s, in PEM]:FILE:_files' \
'--token-file=[File with the token]:FILE:_files' \
'--key=[File of an enrolled software passkey; its signature is evidence of nothing]:SOFTKEY:_files' \
'--reason=[Why; with deny only]:TEXT:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--yes[Do not ask]' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::request -- The request; without it, those that wait are listed:_default' \
&& ret=0
;;
(deny)
_arguments "${_arguments_options[@]}" : \
'--url=[Address of the service]:URL:_default' \
'--ca-file=[Certificate roots beside the system'\''s, in PEM]:FILE:_files' \
'--token-file=[File with the token]:FILE:_files' \
'--key=[File of an enrolled software passkey; its signature is evidence of nothing]:SOFTKEY:_files' \
'--reason=[Why; with deny only]:TEXT:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--yes[Do not ask]' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::request -- The request; without it, those that wait are listed:_default' \
&& ret=0
;;
(evidence)
_arguments "${_arguments_options[@]}" : \
'--url=[Address of the service]:URL:_default' \
'--ca-file=[Certificate roots beside the system'\''s, in PEM]:FILE:_files' \
'--token-file=[File with a token of scope evidence.read or pep]:FILE:_files' \
'--dir=[The ledger'\''s folder, while no service runs on it]:DIR:_files' \
'--wait=[Close what is open first, and wait at most so long for it\: 30s, 2m]:TIME:_default' \
'--out=[Where the bundle goes; - is standard output]:FILE:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::requests -- The requests:_default' \
&& ret=0
;;
(search)
_arguments "${_arguments_options[@]}" : \
'--url=[Address of the service]:URL:_default' \
'--ca-file=[Certificate roots beside the system'\''s, in PEM]:FILE:_files' \
'--token-file=[A token with scope search, in a file]:FILE:_files' \
'--key=[In place of a token\: sign in with this software passkey]:FILE:_files' \
'--log=[One log\: main or gov; both if it is left out]:LOG:_default' \
'--kind=[A kind, such as approval or denial]:KIND:_default' \
'--request=[A request]:ID:_default' \
'--digest=[An action, by its action_digest in hexadecimal]:HEX:_default' \
'--session=[A session of an agent]:ID:_default' \
'--credential=[A credential, by its id in base64url]:ID:_default' \
'--approver=[The person who answered]:ID:_default' \
'--person=[A person who answered, signed or is spoken of]:ID:_default' \
'--agent=[The agent\: its id, or type/id]:AGENT:_default' \
'--audience=[The enforcement point]:AUDIENCE:_default' \
'--from=[Stated at this time or later, RFC 3339]:T:_default' \
'--to=[Stated before this time, RFC 3339]:T:_default' \
'--limit=[Entries to find]:N:_default' \
'--cursor=[Go on where an earlier search of the same kind ended]:CURSOR:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(erase)
_arguments "${_arguments_options[@]}" : \
'--url=[Address of the service]:URL:_default' \
'--ca-file=[Certificate roots beside the system'\''s, in PEM]:FILE:_files' \
'--key=[File of an enrolled software passkey; without it, the page for real ones is named]:SOFTKEY:_files' \
'--reason=[Why; stands in the log for ever]:TEXT:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--yes[Do not ask]' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':leaf -- Index in the main log of a statement; what is about the same request goes with it:_default' \
&& ret=0
;;
(log)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_placet__subcmd__log_commands" \
"*::: :->log" \
&& ret=0

    case $state in
    (log)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:placet-log-command-$line[1]:"
        case $line[1] in
            (show)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder]:DIR:_files' \
'--log=[Which log]:LOG:((main\:"Decisions, approvals, executions"
gov\:"Keys, policies, persons"))' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::index -- The statement with this index:_default' \
&& ret=0
;;
(tail)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder; a service may write it]:DIR:_files' \
'--log=[Which log]:LOG:((main\:"Decisions, approvals, executions"
gov\:"Keys, policies, persons"
both\:"Both, by the time that issuers claim; within a log in its order"))' \
'-n+[How many]:N:_default' \
'--lines=[How many]:N:_default' \
'*--kind=[Only these kinds (decision, approval, ...; erased, external), separated by commas]:KIND:_default' \
'--request=[Only this request]:REQUEST:_default' \
'--agent=[Only what this agent, or this subject of an action, asked for]:ID:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'-f[Go on with what is added, until interrupted]' \
'--follow[Go on with what is added, until interrupted]' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(export)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder]:DIR:_files' \
'--out=[The folder of the copy, missing or empty]:COPY:_files' \
'--log=[Which log]:LOG:((main\:"Decisions, approvals, executions"
gov\:"Keys, policies, persons"
both\:"Both, into COPY/log and COPY/gov\: what \`placet-verify audit\` reads"))' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(mirror)
_arguments "${_arguments_options[@]}" : \
'--out=[The folder of the copy. With a trust file, \`log\` and \`gov\` in it]:COPY:_files' \
'--trust=[What you trust\: both logs of the ledger are followed, under their witness policies]:TRUST:_files' \
'(--token-file)--vkey=[The key of any C2SP tlog-tiles log, in place of a trust file]:VKEY:_default' \
'--origin=[The log'\''s origin, if its key has another name]:O:_default' \
'(--vkey)--ledger=[The ledger'\''s origin, if the trust file knows several]:O:_default' \
'--token-file=[File with a token of scope evidence.read\: statements are copied, too]:FILE:_files' \
'--ca-file=[Certificate roots beside the system'\''s, in PEM]:FILE:_files' \
'(--once)--interval=[Seconds between two looks]:S:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--no-bodies[Copy no statements, whatever token there is]' \
'--once[Take what is there now and end]' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':url -- Address of a ledger; with --vkey, of one log (C2SP tlog-tiles prefix):_default' \
&& ret=0
;;
(fsck)
_arguments "${_arguments_options[@]}" : \
'()--dir=[The same]:DIR:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::folder -- The ledger'\''s folder:_files' \
&& ret=0
;;
(backup)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder]:DIR:_files' \
'--out=[The folder of the backup, missing or empty]:BACKUP:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(restore)
_arguments "${_arguments_options[@]}" : \
'--dir=[The folder to make, missing or empty, or where this was interrupted]:DIR:_files' \
'--from=[The backup]:BACKUP:_files' \
'*--checkpoint=[A checkpoint of a log, from a monitor, a witness or evidence; may be repeated]:NOTE:_files' \
'*--old=[What is left of the old folder, for the checkpoints in it; may be repeated]:DIR:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--nothing-known[Nobody has a checkpoint. Then a backup that is behind the log forks it unnoticed]' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(freeze)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder]:DIR:_files' \
'--reason=[Why, for those who find it]:TEXT:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(rebuild-index)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder]:DIR:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
        esac
    ;;
esac
;;
(export)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_placet__subcmd__export_commands" \
"*::: :->export" \
&& ret=0

    case $state in
    (export)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:placet-export-command-$line[1]:"
        case $line[1] in
            (run)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder; the service may run]:DIR:_files' \
'--config=[The sinks; default DIR/export.toml]:FILE:_files' \
'--state=[Folder of the cursors; default DIR/state/export]:FOLDER:_files' \
'--metrics=[Serve metrics for Prometheus at this address and port; port 0 takes a free one]:ADDR:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--once[End when everything that is published now has been sent]' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(backfill)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder; the service may run]:DIR:_files' \
'--out=[The file to write, replaced where it is; - is standard output]:FILE:_files' \
'--format=[ocsf, ocsf-1.8, cef, leef, ecs, cloudevents or json]:FORMAT:_default' \
'*--field=[Show a field in another way than docs/events.md, such as reason=plain; may be repeated]:NAME=HOW:_default' \
'--hash-key=[The key of hashes; default DIR/keys/export-hash, made where it is missing]:FILE:_files' \
'(--format --field --hash-key)--sink=[Format, fields and key as this sink of export.toml has them]:SINK:_default' \
'--config=[The sinks; default DIR/export.toml]:FILE:_files' \
'--log=[Events of which logs]:LOGS:((both\:"Both, the governance log first"
main\:"Decisions, answers, executions"
gov\:"Keys, policies, people"))' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(hash-key)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder]:DIR:_files' \
'--out=[The file to write, which must not be there]:FILE:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(status)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder; the service may run]:DIR:_files' \
'--config=[The sinks; default DIR/export.toml]:FILE:_files' \
'--state=[Folder of the cursors; default DIR/state/export]:FOLDER:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(test)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder; the service may run]:DIR:_files' \
'--config=[The sinks; default DIR/export.toml]:FILE:_files' \
'--state=[Folder of the cursors; default DIR/state/export]:FOLDER:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::sink -- Only this sink; default all:_default' \
&& ret=0
;;
        esac
    ;;
esac
;;
(witness)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_placet__subcmd__witness_commands" \
"*::: :->witness" \
&& ret=0

    case $state in
    (witness)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:placet-witness-command-$line[1]:"
        case $line[1] in
            (init)
_arguments "${_arguments_options[@]}" : \
'--dir=[The witness'\''s folder]:DIR:_files' \
'--name=[Name of the key]:NAME:_default' \
'*--log=[A log'\''s key, as a vkey; may be repeated, with one --origin each]:VKEY:_default' \
'*--origin=[The log'\''s origin, if its key has another name]:O:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(serve)
_arguments "${_arguments_options[@]}" : \
'--dir=[The witness'\''s folder]:DIR:_files' \
'--listen=[Address and port; port 0 takes a free one]:ADDR:_default' \
'*--log=[A log'\''s key, as a vkey; may be repeated, with one --origin each]:VKEY:_default' \
'*--origin=[The log'\''s origin, if its key has another name]:O:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--until-stdin-ends[End when standard input does\: for whoever starts a witness as a child]' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
        esac
    ;;
esac
;;
(trust)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_placet__subcmd__trust_commands" \
"*::: :->trust" \
&& ret=0

    case $state in
    (trust)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:placet-trust-command-$line[1]:"
        case $line[1] in
            (export)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder]:DIR:_files' \
'--out=[The trust file; one that exists is added to]:FILE:_files' \
'*--root=[A passkey whose owner has told you its six words\: its thumbprint, eight digits of it or more, or the words; may be repeated]:KEY:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--yes[Do not ask\: the words were compared]' \
'--allow-dev[Let evidence of a development ledger pass]' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
        esac
    ;;
esac
;;
(notify)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_placet__subcmd__notify_commands" \
"*::: :->notify" \
&& ret=0

    case $state in
    (notify)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:placet-notify-command-$line[1]:"
        case $line[1] in
            (test)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder]:DIR:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::name -- Only this target; default all:_default' \
&& ret=0
;;
(status)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder]:DIR:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(retry)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder]:DIR:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':endpoint -- The endpoint, as `status` names it:_default' \
&& ret=0
;;
        esac
    ;;
esac
;;
(keys)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_placet__subcmd__keys_commands" \
"*::: :->keys" \
&& ret=0

    case $state in
    (keys)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:placet-keys-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder]:DIR:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
        esac
    ;;
esac
;;
(config)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_placet__subcmd__config_commands" \
"*::: :->config" \
&& ret=0

    case $state in
    (config)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:placet-config-command-$line[1]:"
        case $line[1] in
            (check)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder]:DIR:_files' \
'--public-url=[Origin of the pages, as browsers see it, such as https\://placet.example.com]:URL:_default' \
'--listen=[Address and port; port 0 takes a free one]:ADDR:_default' \
'--tls-cert=[Certificate chain in PEM; read again on SIGHUP and when it changes]:FILE:_default' \
'--tls-key=[The certificate'\''s key in PEM]:FILE:_default' \
'--trusted-proxy=[Proxies whose X-Forwarded-For, -Host and -Proto count\: addresses or ranges, 64 at most]:RANGES:_default' \
'--metrics-public=[Whether /metrics needs no token on this machine]::BOOL:_default' \
'--origins=[Further origins that clients may state]:ORIGINS:_default' \
'--witness-policy=[Witnesses and their quorum\: a C2SP tlog-policy without \`log\` lines]:FILE:_default' \
'--operated-by-self=[Witnesses that the operator runs]:NAMES:_default' \
'--publish-ms=[Milliseconds between two cosigned checkpoints]:MS:_default' \
'--recosign-open-s=[Age in seconds at which a note is renewed while a request is open]:S:_default' \
'--recosign-idle-s=[Age in seconds at which a note is renewed otherwise]:S:_default' \
'--request-s=[Seconds for which a request can be answered and its approval spent; outside development a minute at least]:S:_default' \
'--outcome-s=[Seconds after which a missing outcome is recorded as unknown]:S:_default' \
'--recovery-delay-s=[Seconds from the announcement of a recovery to its enrolment; outside development a day at least]:S:_default' \
'--attestation=[What registrations ask of browsers]:WHAT:_default' \
'--attestation-roots=[Vendors'\'' roots by which attestations are judged, in PEM or DER]:FOLDER:_default' \
'--require-attested=[Whether passkeys that no pinned root attests are refused]::BOOL:_default' \
'--max-open-per-agent=[Requests of one agent that may wait for persons at the same time]:N:_default' \
'--openings-per-minute=[Requests that one agent may open in a minute]:N:_default' \
'--strict-defaults=[Whether items of a batch of evaluations take no type, id or name from the defaults for an object of their own (AuthZEN'\''s scenario; its conformance suite needs them)]::BOOL:_default' \
'--person-rate=[Calls a second of each person who is signed in; ten seconds'\'' worth at once]:N:_default' \
'--token-rate=[Calls a second of each token; ten seconds'\'' worth at once]:N:_default' \
'--address-rate=[Calls a second from each address, of those who are not known; ten seconds'\'' worth at once]:N:_default' \
'--sign-in-rate=[Of these, steps of signing in and of registering a passkey]:N:_default' \
'--address-connections=[Connections from one address, but from trusted proxies]:N:_default' \
'--callback-origins=[Origins that agents may name for callbacks (ARAP)]:ORIGINS:_default' \
'--outbound-allow=[Hosts that may be called beside public HTTPS servers\: host or host\:port]:HOSTS:_default' \
'--outbound-ca-file=[Certificate roots beside the system'\''s, in PEM]:FILE:_default' \
'--export-required=[Sinks of \`placet export\` that have to follow\: while one is further behind than the next two allow, nothing is decided or spent]:SINKS:_default' \
'--export-max-lag=[Leaves by which they may be behind; 0 for any number]:N:_default' \
'--export-max-lag-s=[Seconds for which a leaf may wait to be exported; 0 for any time]:S:_default' \
'--notify=[Whom to tell of what happens\: a TOML file with \`\[\[notify\]\]\` tables]:FILE:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
        esac
    ;;
esac
;;
(token)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_placet__subcmd__token_commands" \
"*::: :->token" \
&& ret=0

    case $state in
    (token)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:placet-token-command-$line[1]:"
        case $line[1] in
            (create)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder; the service may run]:DIR:_files' \
'*--scope=[What it may do\: pep, evidence.read, search, metrics, admin; may be repeated]:SCOPE:_default' \
'--label=[What you call it]:TEXT:_default' \
'--expires=[Days after which it ends]:DAYS:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(list)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder]:DIR:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(revoke)
_arguments "${_arguments_options[@]}" : \
'--dir=[The ledger'\''s folder]:DIR:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':id -- Its id:_default' \
&& ret=0
;;
        esac
    ;;
esac
;;
(bench)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_placet__subcmd__bench_commands" \
"*::: :->bench" \
&& ret=0

    case $state in
    (bench)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:placet-bench-command-$line[1]:"
        case $line[1] in
            (append)
_arguments "${_arguments_options[@]}" : \
'--seconds=[How long each stage is measured]:N:_default' \
'--dir=[A folder of the file system that is measured; what is made there is removed again]:DIR:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(records)
_arguments "${_arguments_options[@]}" : \
'--seconds=[How long each of the two stages is measured]:N:_default' \
'--size=[Bytes of a record]:BYTES:_default' \
'--inflight=[Calls that wait at any time in the first stage]:N:_default' \
'--dir=[A folder of the file system that is measured; what is made there is removed again]:DIR:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(http)
_arguments "${_arguments_options[@]}" : \
'--url=[What is called\: http\://HOST\:PORT/PATH, of this machine]:URL:_default' \
'--body=[A body to be sent by POST; without one it is a GET]:FILE:_files' \
'*--header=[A header, as in "Content-Type\: application/json"; several times for several]:NAME: VALUE:_default' \
'--token-file=[A file with a token, which is sent as "Authorization\: Bearer"]:FILE:_files' \
'--expect=[The status of a good answer]:STATUS:_default' \
'--rate=[Calls a second, due whether or not the server keeps up; 0 for as many as the connections get]:N:_default' \
'--seconds=[How long, a second of warming up apart]:N:_default' \
'--connections=[Connections, each with one call at a time]:N:_default' \
'--dir=[A folder of the file system that the server writes to, where flushes are measured]:DIR:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(grow)
_arguments "${_arguments_options[@]}" : \
'--entries=[Entries of the log; ten million of 512 bytes take 7 GB for a while]:N:_default' \
'--size=[Bytes of a record]:BYTES:_default' \
'--dir=[A folder of the file system that is measured; what is made there is removed again]:DIR:_files' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(grow-worker)
_arguments "${_arguments_options[@]}" : \
'--dir=[The folder of the log, which is made if it is not there]:DIR:_files' \
'--size=[Bytes of a record]:BYTES:_default' \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
        esac
    ;;
esac
;;
(completions)
_arguments "${_arguments_options[@]}" : \
'--color=[Colours\: words say everything by themselves]:WHEN:((auto\:"On a terminal, unless NO_COLOR is set"
always\:"Also into files and pipes"
never\:"Nowhere"))' \
'--json[Results as JSON, one object a line]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':shell -- The shell:(bash elvish fish powershell zsh)' \
&& ret=0
;;
        esac
    ;;
esac
}

(( $+functions[_placet_commands] )) ||
_placet_commands() {
    local commands; commands=(
'demo:Show the whole of it on this machine\: from an agent'\''s wish to proof in a file' \
'init:Make a ledger'\''s folder\: settings, keys and the first entries of both logs' \
'serve:Run the service' \
'request:Ask whether an action is permitted; if it needs a person, ask for approval' \
'gateway:Enforcement points in front of other programs' \
'enrol:Enrol a software passkey as the first person; development ledgers only' \
'people:Invite people, and change who may do what' \
'policy:Say what decides' \
'approve:Approve a request with a software passkey; without a request, list what waits' \
'deny:Deny a request with a software passkey; without a request, list what waits' \
'evidence:Fetch the evidence about requests, for verification offline' \
'search:Search both logs by request, person, agent, action, session and time' \
'erase:Erase what a statement says, on an administrator'\''s signature' \
'log:Read the logs of a folder, whether or not the service runs' \
'export:Both logs as events, for a SIEM' \
'witness:Run a C2SP witness' \
'trust:Make trust files' \
'notify:Look after notifications' \
'keys:Look at a ledger'\''s keys' \
'config:Look at the settings' \
'token:Tokens of programs' \
'bench:Measure how fast this is, on this machine' \
'completions:Print completions for a shell' \
    )
    _describe -t commands 'placet commands' commands "$@"
}
(( $+functions[_placet__subcmd__approve_commands] )) ||
_placet__subcmd__approve_commands() {
    local commands; commands=()
    _describe -t commands 'placet approve commands' commands "$@"
}
(( $+functions[_placet__subcmd__bench_commands] )) ||
_placet__subcmd__bench_commands() {
    local commands; commands=(
'append:Measure how many approvals a second are recorded, beside what the machine allows' \
'records:Measure how many records without an assertion are appended, and how soon each has its proof' \
'http:Measure how long calls of a server take, at a rate that does not wait for them' \
'grow:Measure how a log does as it grows\: rate, proofs, memory, restart, disk' \
'grow-worker:The process with the log that \`grow\` looks at' \
    )
    _describe -t commands 'placet bench commands' commands "$@"
}
(( $+functions[_placet__subcmd__bench__subcmd__append_commands] )) ||
_placet__subcmd__bench__subcmd__append_commands() {
    local commands; commands=()
    _describe -t commands 'placet bench append commands' commands "$@"
}
(( $+functions[_placet__subcmd__bench__subcmd__grow_commands] )) ||
_placet__subcmd__bench__subcmd__grow_commands() {
    local commands; commands=()
    _describe -t commands 'placet bench grow commands' commands "$@"
}
(( $+functions[_placet__subcmd__bench__subcmd__grow-worker_commands] )) ||
_placet__subcmd__bench__subcmd__grow-worker_commands() {
    local commands; commands=()
    _describe -t commands 'placet bench grow-worker commands' commands "$@"
}
(( $+functions[_placet__subcmd__bench__subcmd__http_commands] )) ||
_placet__subcmd__bench__subcmd__http_commands() {
    local commands; commands=()
    _describe -t commands 'placet bench http commands' commands "$@"
}
(( $+functions[_placet__subcmd__bench__subcmd__records_commands] )) ||
_placet__subcmd__bench__subcmd__records_commands() {
    local commands; commands=()
    _describe -t commands 'placet bench records commands' commands "$@"
}
(( $+functions[_placet__subcmd__completions_commands] )) ||
_placet__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'placet completions commands' commands "$@"
}
(( $+functions[_placet__subcmd__config_commands] )) ||
_placet__subcmd__config_commands() {
    local commands; commands=(
'check:Print the settings in force, each with where it comes from' \
    )
    _describe -t commands 'placet config commands' commands "$@"
}
(( $+functions[_placet__subcmd__config__subcmd__check_commands] )) ||
_placet__subcmd__config__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'placet config check commands' commands "$@"
}
(( $+functions[_placet__subcmd__demo_commands] )) ||
_placet__subcmd__demo_commands() {
    local commands; commands=()
    _describe -t commands 'placet demo commands' commands "$@"
}
(( $+functions[_placet__subcmd__deny_commands] )) ||
_placet__subcmd__deny_commands() {
    local commands; commands=()
    _describe -t commands 'placet deny commands' commands "$@"
}
(( $+functions[_placet__subcmd__enrol_commands] )) ||
_placet__subcmd__enrol_commands() {
    local commands; commands=()
    _describe -t commands 'placet enrol commands' commands "$@"
}
(( $+functions[_placet__subcmd__erase_commands] )) ||
_placet__subcmd__erase_commands() {
    local commands; commands=()
    _describe -t commands 'placet erase commands' commands "$@"
}
(( $+functions[_placet__subcmd__evidence_commands] )) ||
_placet__subcmd__evidence_commands() {
    local commands; commands=()
    _describe -t commands 'placet evidence commands' commands "$@"
}
(( $+functions[_placet__subcmd__export_commands] )) ||
_placet__subcmd__export_commands() {
    local commands; commands=(
'run:Send both logs to the sinks of export.toml, and go on as they grow' \
'backfill:Write everything that both logs published as events into a file, one a line' \
'hash-key:Write the key of the hashes in events, for whoever compares them with the log' \
'status:Where each sink stands\: next leaf, lag, last acknowledgement, last error' \
'test:Send one test event to each sink and say what came back' \
    )
    _describe -t commands 'placet export commands' commands "$@"
}
(( $+functions[_placet__subcmd__export__subcmd__backfill_commands] )) ||
_placet__subcmd__export__subcmd__backfill_commands() {
    local commands; commands=()
    _describe -t commands 'placet export backfill commands' commands "$@"
}
(( $+functions[_placet__subcmd__export__subcmd__hash-key_commands] )) ||
_placet__subcmd__export__subcmd__hash-key_commands() {
    local commands; commands=()
    _describe -t commands 'placet export hash-key commands' commands "$@"
}
(( $+functions[_placet__subcmd__export__subcmd__run_commands] )) ||
_placet__subcmd__export__subcmd__run_commands() {
    local commands; commands=()
    _describe -t commands 'placet export run commands' commands "$@"
}
(( $+functions[_placet__subcmd__export__subcmd__status_commands] )) ||
_placet__subcmd__export__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'placet export status commands' commands "$@"
}
(( $+functions[_placet__subcmd__export__subcmd__test_commands] )) ||
_placet__subcmd__export__subcmd__test_commands() {
    local commands; commands=()
    _describe -t commands 'placet export test commands' commands "$@"
}
(( $+functions[_placet__subcmd__gateway_commands] )) ||
_placet__subcmd__gateway_commands() {
    local commands; commands=(
'http:Run the HTTP gateway\: a reverse proxy, and the answers for nginx, Caddy and Envoy' \
'check:Judge a gateway'\''s configuration; names file, line and reason' \
    )
    _describe -t commands 'placet gateway commands' commands "$@"
}
(( $+functions[_placet__subcmd__gateway__subcmd__check_commands] )) ||
_placet__subcmd__gateway__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'placet gateway check commands' commands "$@"
}
(( $+functions[_placet__subcmd__gateway__subcmd__http_commands] )) ||
_placet__subcmd__gateway__subcmd__http_commands() {
    local commands; commands=()
    _describe -t commands 'placet gateway http commands' commands "$@"
}
(( $+functions[_placet__subcmd__init_commands] )) ||
_placet__subcmd__init_commands() {
    local commands; commands=()
    _describe -t commands 'placet init commands' commands "$@"
}
(( $+functions[_placet__subcmd__keys_commands] )) ||
_placet__subcmd__keys_commands() {
    local commands; commands=(
'list:All public keys of a ledger' \
    )
    _describe -t commands 'placet keys commands' commands "$@"
}
(( $+functions[_placet__subcmd__keys__subcmd__list_commands] )) ||
_placet__subcmd__keys__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'placet keys list commands' commands "$@"
}
(( $+functions[_placet__subcmd__log_commands] )) ||
_placet__subcmd__log_commands() {
    local commands; commands=(
'show:Both logs in short, or one statement in full' \
'tail:The last statements, one a line, and those that follow' \
'export:Write a copy for those who verify\: checkpoint, tiles, the statements that are not erased' \
'mirror:Follow a log of somebody else'\''s into a copy; refuses whatever is inconsistent' \
'fsck:Read everything again and say what does not fit together; repairs nothing' \
'backup:Write a backup of everything that can'\''t be made again, keys included; a service may run' \
'restore:Make a folder of a backup; refuses one that is behind a checkpoint that is known' \
'freeze:Publish the last checkpoints and add nothing any more, for ever; the service must be stopped' \
'rebuild-index:Make the derived indexes again from the journals; the service must be stopped' \
    )
    _describe -t commands 'placet log commands' commands "$@"
}
(( $+functions[_placet__subcmd__log__subcmd__backup_commands] )) ||
_placet__subcmd__log__subcmd__backup_commands() {
    local commands; commands=()
    _describe -t commands 'placet log backup commands' commands "$@"
}
(( $+functions[_placet__subcmd__log__subcmd__export_commands] )) ||
_placet__subcmd__log__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'placet log export commands' commands "$@"
}
(( $+functions[_placet__subcmd__log__subcmd__freeze_commands] )) ||
_placet__subcmd__log__subcmd__freeze_commands() {
    local commands; commands=()
    _describe -t commands 'placet log freeze commands' commands "$@"
}
(( $+functions[_placet__subcmd__log__subcmd__fsck_commands] )) ||
_placet__subcmd__log__subcmd__fsck_commands() {
    local commands; commands=()
    _describe -t commands 'placet log fsck commands' commands "$@"
}
(( $+functions[_placet__subcmd__log__subcmd__mirror_commands] )) ||
_placet__subcmd__log__subcmd__mirror_commands() {
    local commands; commands=()
    _describe -t commands 'placet log mirror commands' commands "$@"
}
(( $+functions[_placet__subcmd__log__subcmd__rebuild-index_commands] )) ||
_placet__subcmd__log__subcmd__rebuild-index_commands() {
    local commands; commands=()
    _describe -t commands 'placet log rebuild-index commands' commands "$@"
}
(( $+functions[_placet__subcmd__log__subcmd__restore_commands] )) ||
_placet__subcmd__log__subcmd__restore_commands() {
    local commands; commands=()
    _describe -t commands 'placet log restore commands' commands "$@"
}
(( $+functions[_placet__subcmd__log__subcmd__show_commands] )) ||
_placet__subcmd__log__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'placet log show commands' commands "$@"
}
(( $+functions[_placet__subcmd__log__subcmd__tail_commands] )) ||
_placet__subcmd__log__subcmd__tail_commands() {
    local commands; commands=()
    _describe -t commands 'placet log tail commands' commands "$@"
}
(( $+functions[_placet__subcmd__notify_commands] )) ||
_placet__subcmd__notify_commands() {
    local commands; commands=(
'test:Send a test to the targets in placet.toml, whether or not the service runs' \
'status:What waits, what was delivered, what was given up' \
'retry:Queue what was given up again' \
    )
    _describe -t commands 'placet notify commands' commands "$@"
}
(( $+functions[_placet__subcmd__notify__subcmd__retry_commands] )) ||
_placet__subcmd__notify__subcmd__retry_commands() {
    local commands; commands=()
    _describe -t commands 'placet notify retry commands' commands "$@"
}
(( $+functions[_placet__subcmd__notify__subcmd__status_commands] )) ||
_placet__subcmd__notify__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'placet notify status commands' commands "$@"
}
(( $+functions[_placet__subcmd__notify__subcmd__test_commands] )) ||
_placet__subcmd__notify__subcmd__test_commands() {
    local commands; commands=()
    _describe -t commands 'placet notify test commands' commands "$@"
}
(( $+functions[_placet__subcmd__people_commands] )) ||
_placet__subcmd__people_commands() {
    local commands; commands=(
'invite:Make a link with which one person registers one passkey' \
'list:Who is enrolled, and who waits' \
'role:Replace the roles of a person' \
'revoke:Say that a passkey is not to be trusted' \
'recover:Make a link for somebody whose passkeys are lost, on the machine of the ledger' \
    )
    _describe -t commands 'placet people commands' commands "$@"
}
(( $+functions[_placet__subcmd__people__subcmd__invite_commands] )) ||
_placet__subcmd__people__subcmd__invite_commands() {
    local commands; commands=()
    _describe -t commands 'placet people invite commands' commands "$@"
}
(( $+functions[_placet__subcmd__people__subcmd__list_commands] )) ||
_placet__subcmd__people__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'placet people list commands' commands "$@"
}
(( $+functions[_placet__subcmd__people__subcmd__recover_commands] )) ||
_placet__subcmd__people__subcmd__recover_commands() {
    local commands; commands=()
    _describe -t commands 'placet people recover commands' commands "$@"
}
(( $+functions[_placet__subcmd__people__subcmd__revoke_commands] )) ||
_placet__subcmd__people__subcmd__revoke_commands() {
    local commands; commands=()
    _describe -t commands 'placet people revoke commands' commands "$@"
}
(( $+functions[_placet__subcmd__people__subcmd__role_commands] )) ||
_placet__subcmd__people__subcmd__role_commands() {
    local commands; commands=()
    _describe -t commands 'placet people role commands' commands "$@"
}
(( $+functions[_placet__subcmd__policy_commands] )) ||
_placet__subcmd__policy_commands() {
    local commands; commands=(
'check:Judge a policy folder\: what can'\''t be armed, and what could fail at run time' \
'test:Decide requests of a file and compare with what is expected' \
'prove:Prove that nothing of high risk is permitted without a passkey approval of exactly that' \
'activate:Put a policy in force, by an administrator'\''s passkey' \
'explain:Say which policy decided a past decision, and decide it again' \
'history:List the policies that were ever in force, who signed them and what they changed' \
'pack:Ready policies to begin with' \
    )
    _describe -t commands 'placet policy commands' commands "$@"
}
(( $+functions[_placet__subcmd__policy__subcmd__activate_commands] )) ||
_placet__subcmd__policy__subcmd__activate_commands() {
    local commands; commands=()
    _describe -t commands 'placet policy activate commands' commands "$@"
}
(( $+functions[_placet__subcmd__policy__subcmd__check_commands] )) ||
_placet__subcmd__policy__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'placet policy check commands' commands "$@"
}
(( $+functions[_placet__subcmd__policy__subcmd__explain_commands] )) ||
_placet__subcmd__policy__subcmd__explain_commands() {
    local commands; commands=()
    _describe -t commands 'placet policy explain commands' commands "$@"
}
(( $+functions[_placet__subcmd__policy__subcmd__history_commands] )) ||
_placet__subcmd__policy__subcmd__history_commands() {
    local commands; commands=()
    _describe -t commands 'placet policy history commands' commands "$@"
}
(( $+functions[_placet__subcmd__policy__subcmd__pack_commands] )) ||
_placet__subcmd__policy__subcmd__pack_commands() {
    local commands; commands=(
'list:List them' \
'show:Show what one permits, asks and denies, and its policies' \
'write:Write one into a folder, with its tests' \
    )
    _describe -t commands 'placet policy pack commands' commands "$@"
}
(( $+functions[_placet__subcmd__policy__subcmd__pack__subcmd__list_commands] )) ||
_placet__subcmd__policy__subcmd__pack__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'placet policy pack list commands' commands "$@"
}
(( $+functions[_placet__subcmd__policy__subcmd__pack__subcmd__show_commands] )) ||
_placet__subcmd__policy__subcmd__pack__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'placet policy pack show commands' commands "$@"
}
(( $+functions[_placet__subcmd__policy__subcmd__pack__subcmd__write_commands] )) ||
_placet__subcmd__policy__subcmd__pack__subcmd__write_commands() {
    local commands; commands=()
    _describe -t commands 'placet policy pack write commands' commands "$@"
}
(( $+functions[_placet__subcmd__policy__subcmd__prove_commands] )) ||
_placet__subcmd__policy__subcmd__prove_commands() {
    local commands; commands=()
    _describe -t commands 'placet policy prove commands' commands "$@"
}
(( $+functions[_placet__subcmd__policy__subcmd__test_commands] )) ||
_placet__subcmd__policy__subcmd__test_commands() {
    local commands; commands=()
    _describe -t commands 'placet policy test commands' commands "$@"
}
(( $+functions[_placet__subcmd__request_commands] )) ||
_placet__subcmd__request_commands() {
    local commands; commands=()
    _describe -t commands 'placet request commands' commands "$@"
}
(( $+functions[_placet__subcmd__search_commands] )) ||
_placet__subcmd__search_commands() {
    local commands; commands=()
    _describe -t commands 'placet search commands' commands "$@"
}
(( $+functions[_placet__subcmd__serve_commands] )) ||
_placet__subcmd__serve_commands() {
    local commands; commands=()
    _describe -t commands 'placet serve commands' commands "$@"
}
(( $+functions[_placet__subcmd__token_commands] )) ||
_placet__subcmd__token_commands() {
    local commands; commands=(
'create:Make a token and print it, once' \
'list:List tokens, without their secrets' \
'revoke:Revoke a token, at once and for ever' \
    )
    _describe -t commands 'placet token commands' commands "$@"
}
(( $+functions[_placet__subcmd__token__subcmd__create_commands] )) ||
_placet__subcmd__token__subcmd__create_commands() {
    local commands; commands=()
    _describe -t commands 'placet token create commands' commands "$@"
}
(( $+functions[_placet__subcmd__token__subcmd__list_commands] )) ||
_placet__subcmd__token__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'placet token list commands' commands "$@"
}
(( $+functions[_placet__subcmd__token__subcmd__revoke_commands] )) ||
_placet__subcmd__token__subcmd__revoke_commands() {
    local commands; commands=()
    _describe -t commands 'placet token revoke commands' commands "$@"
}
(( $+functions[_placet__subcmd__trust_commands] )) ||
_placet__subcmd__trust_commands() {
    local commands; commands=(
'export:Make a trust file for this ledger, or add to one' \
    )
    _describe -t commands 'placet trust commands' commands "$@"
}
(( $+functions[_placet__subcmd__trust__subcmd__export_commands] )) ||
_placet__subcmd__trust__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'placet trust export commands' commands "$@"
}
(( $+functions[_placet__subcmd__witness_commands] )) ||
_placet__subcmd__witness_commands() {
    local commands; commands=(
'init:Make a witness'\''s key, and name the logs that it knows' \
'serve:Run the witness' \
    )
    _describe -t commands 'placet witness commands' commands "$@"
}
(( $+functions[_placet__subcmd__witness__subcmd__init_commands] )) ||
_placet__subcmd__witness__subcmd__init_commands() {
    local commands; commands=()
    _describe -t commands 'placet witness init commands' commands "$@"
}
(( $+functions[_placet__subcmd__witness__subcmd__serve_commands] )) ||
_placet__subcmd__witness__subcmd__serve_commands() {
    local commands; commands=()
    _describe -t commands 'placet witness serve commands' commands "$@"
}

if [ "$funcstack[1]" = "_placet" ]; then
    _placet "$@"
else
    compdef _placet placet
fi
