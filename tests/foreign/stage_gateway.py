"""placet gateway http before an API: by itself over TLS, behind nginx and Caddy with the guide's
configurations, and asked by a gRPC client with Envoy's own messages."""

import gateway as g
import grpc
from envoy.service.auth.v3 import external_auth_pb2 as auth
from envoy.service.auth.v3 import external_auth_pb2_grpc as auth_grpc
from live import Ledger, free_port
from report import run as start
from stage_witness import fresh

DISABLE = "/users/X0001/disable"


def run(report, options):
    base = fresh(options, "gateway")
    ledger = Ledger(options, base, "gateway.test/log")
    done = ledger.init("--policy", g.policy(base))
    if not report.check("a ledger for the gateway", done.returncode == 0, done.stderr):
        return
    g.tokens(base)
    checks(report, options, base)
    chain, key = g.certificate(base)
    plain, secure = g.Api(), g.Api((chain, key))
    proxied = f'[upstream]\nurl = "https://localhost:{secure.port}"\nca_file = "tls.pem"\n'
    elsewhere = f'host = "127.0.0.1:{plain.port}"\nforward_auth = '
    envoy_port = free_port()
    serving = ledger.serve()
    with serving:
        ledger.enrol()
        with g.gateway(options, ledger, "proxy", proxied, "--tls-cert", chain, "--tls-key",
                       key) as proxy, \
                g.gateway(options, ledger, "nginx", elsewhere + '"nginx"\n') as for_nginx, \
                g.gateway(options, ledger, "caddy", elsewhere + '"caddy"\n', "--ext-authz",
                          f"127.0.0.1:{envoy_port}") as for_caddy, \
                g.Nginx(base, for_nginx.url, plain.port) as nginx, \
                g.Caddy(base, for_caddy.url, plain.port) as caddy:
            peers(report)
            agents = (("proxy", g.Agent(int(proxy.url.rsplit(":", 1)[1]), chain), secure),
                      ("nginx", g.Agent(nginx.port), plain), ("caddy", g.Agent(caddy.port), plain))
            for name, agent, api in agents:
                flow(report, name, agent, api, ledger)
            swapped_body(report, agents[0][1], secure, ledger)
            guide(report, options, ledger, plain)
            channel = grpc.insecure_channel(f"127.0.0.1:{envoy_port}")
            envoy(report, auth_grpc.AuthorizationStub(channel), ledger)
            # The ledger stops, and nothing passes any more.
            serving.__exit__()
            for name, agent, api in agents:
                before = len(api.hits)
                status = agent.call("GET", "/users/7")[0]
                report.check(f"{name}: without a ledger nothing passes",
                             status >= 400 and len(api.hits) == before, str(status))
            status = check(auth_grpc.AuthorizationStub(channel), "GET", "/users/7")[0]
            report.check("envoy: without a ledger nothing passes", status == 503, str(status))
            channel.close()


    embedded(report, options, ledger, plain)


def guide(report, options, ledger, api):
    """The guide's own files, as they stand in it."""
    path, server = g.guided(options, ledger, api)
    report.exits("guide: gateway check accepts its table", [options.placet, "gateway", "check", path], 0)
    with server as gateway:
        agent = g.Agent(int(gateway.url.rsplit(":", 1)[1]))
        before = len(api.hits)
        said = [agent.call("GET", "/users/X0007")[0], agent.call("GET", "/users")[0],
                agent.call("GET", "/users/X0007", body={})[0]]
        report.check("guide: what its table lists passes, and nothing else", said == [200, 403, 400],
                     str(said))
        request = agent.call("POST", "/users/X0007/disable", body={"reason": "left"})[1]
        named = {"Placet-Request": request.get("Placet-Request", "")}
        approved = ledger.approve(named["Placet-Request"])
        report.check("guide: a person approves", approved.returncode == 0, approved.stderr)
        other = agent.call("POST", "/users/X0007/disable", named, {"reason": "other"})[0]
        said = [agent.call("POST", "/users/X0007/disable", named, {"reason": "left"})[0]
                for _ in range(2)]
        report.check("guide: the call passes once, with its reason and no other",
                     [other, *said] == [403, 200, 403] and len(api.hits) == before + 2,
                     f"{other} {said}")


def embedded(report, options, ledger, api):
    """The ledger's service in the gateway's own process."""
    settings = f'[upstream]\nurl = "http://127.0.0.1:{api.port}"\n'
    with g.embedded(options, ledger, settings) as server:
        agent = g.Agent(int(server.url.rsplit(":", 1)[1]))
        request = agent.call("POST", DISABLE, body={"reason": "b"})[1].get("Placet-Request")
        approved = ledger.approve(request)
        report.check("--dir: a person approves at the ledger's own address",
                     approved.returncode == 0, approved.stderr)
        named = {"Placet-Request": request or ""}
        said = [agent.call("POST", DISABLE, named, {"reason": "b"})[0] for _ in range(2)]
        report.check("--dir: the call passes, and once", said == [200, 403], str(said))
    ended = server.process.returncode
    report.check("--dir: it ends well", ended == 0, str(ended))


def peers(report):
    report.note_peer(f"peer nginx {start(['nginx', '-v']).stderr.strip().rsplit('/', 1)[-1]}")
    report.note_peer(f"peer caddy {start(['caddy', 'version']).stdout.split()[0]}")
    report.note_peer(f"peer grpcio {grpc.__version__}")


def checks(report, options, base):
    """`gateway check` names file, line and reason."""
    good = base / "good.toml"
    good.write_text('tokens = "tokens.toml"\nhost = "api"\n' + g.ROUTES)
    report.exits("gateway check accepts", [options.placet, "gateway", "check", good], 0)
    bad = base / "bad.toml"
    bad.write_text('tokens = "tokens.toml"\nhost = "api"\n' + g.ROUTES.replace("{path.id}", "{id}"))
    done = report.exits("gateway check refuses", [options.placet, "gateway", "check", bad], 1)
    report.check("gateway check names the line", f"{bad}:8:" in done.stderr, done.stderr)


def flow(report, name, agent, api, ledger):
    """From a question to one call that passes."""
    def say(what, ok, said):
        report.check(f"{name}: {what}", ok, f"{said[0]} {dict(said[1])} {said[2][:300]}")

    said = agent.call("GET", "/users/7")
    say("what the policy permits passes", said[0] == 200 and said[2] == b"done", said)
    secret = [hit for hit in api.hits if g.TOKEN in str(hit)]
    say("the agent's token stays here", not secret, said)
    before = len(api.hits)
    for target in ("/other", "/users/7/", "/Users/7", "/users/%37", "/users/a%2Fb",
                   "/x/..%2fusers/7", "/users/7?admin=1", "//users/7"):
        said = agent.call("GET", target)
        say(f"GET {target} is refused", said[0] in (400, 403), said)
    for headers in ({"X-HTTP-Method-Override": "DELETE"}, {"X-Original-URL": "/admin"}):
        said = agent.call("GET", "/users/7", headers)
        say(f"{next(iter(headers))} is refused", said[0] in (400, 403), said)
    said = agent.call("GET", "/users/7", {"Authorization": "Bearer of-nobody"})
    say("who is not known is told to say who it is",
        said[0] == 401 and "invalid_token" in said[1].get("WWW-Authenticate", ""), said)
    body = {"reason": "left"}
    said = agent.call("POST", DISABLE, body=body)
    asked = said[0] == 401 and "insufficient_user_authentication" in \
        said[1].get("WWW-Authenticate", "")
    request = said[1].get("Placet-Request")
    say("an approval is asked for", asked and request, said)
    named = {"Placet-Request": request or ""}
    said = agent.call("POST", DISABLE, named, body)
    say("before a person answers nothing passes", said[0] == 401, said)
    approved = ledger.approve(request)
    report.check(f"{name}: a person approves", approved.returncode == 0, approved.stderr)
    said = agent.call("POST", "/users/X0002/disable", named, body)
    say("another target with it is refused", said[0] == 403, said)
    say("nothing has passed", len(api.hits) == before, said)
    said = agent.call("POST", DISABLE, named, body)
    say("the same call passes", said[0] == 200, said)
    say("as it was sent", [(h[0], h[1], h[3]) for h in api.hits[before:]] ==
        [("POST", DISABLE, b'{"reason": "left"}')], said)
    said = agent.call("POST", DISABLE, named, body)
    say("a second time it is refused", said[0] == 403 and len(api.hits) == before + 1, said)


def swapped_body(report, agent, api, ledger):
    before = len(api.hits)
    said = agent.call("POST", "/users/X0009/disable", {"Accept-Txn-Challenge": "?1"})
    report.check("proxy: who understands it gets the ledger's transaction challenge",
                 said[0] == 401 and "transaction_challenge=" in said[1]["WWW-Authenticate"],
                 f"{said[0]} {dict(said[1])}")
    request = agent.call("POST", DISABLE, body={"reason": "a"})[1].get("Placet-Request")
    ledger.approve(request)
    status = agent.call("POST", DISABLE, {"Placet-Request": request}, {"reason": "b"})[0]
    report.check("proxy: another body with it is refused",
                 status == 403 and len(api.hits) == before, str(status))
    status = agent.call("POST", DISABLE, {"Placet-Request": request}, {"reason": "a"})[0]
    report.check("proxy: the approved body passes",
                 status == 200 and len(api.hits) == before + 1, str(status))


def check(stub, method, path, headers=None, body="", size=None, host="127.0.0.1:80", text=False):
    """One CheckRequest; status 200 where it may pass, and the headers of the answer."""
    request = auth.CheckRequest()
    http = request.attributes.request.http
    http.method, http.path, http.host = method, path, host
    if text:
        http.body = body
    else:
        http.raw_body = body.encode()
    http.size = len(body) if size is None else size
    all_headers = {"authorization": f"Bearer {g.TOKEN}", ":path": path, **(headers or {})}
    if body:
        all_headers["content-type"] = "application/json"
    for name, value in all_headers.items():
        http.header_map.headers.add(key=name, raw_value=value.encode())
    answer = stub.Check(request, timeout=60)
    if answer.HasField("ok_response"):
        assert answer.status.code == 0
        options = answer.ok_response.headers
        status = 200
    else:
        assert answer.status.code == 7
        options = answer.denied_response.headers
        status = answer.denied_response.status.code
    return status, {option.header.key: option.header.value for option in options}


def envoy(report, stub, ledger):
    def say(what, ok, said):
        report.check(f"envoy: {what}", ok, str(said))

    said = check(stub, "GET", "/users/7")
    say("what the policy permits passes", said[0] == 200, said)
    for path in ("/other", "/users/%37", "/users/../users/7"):
        said = check(stub, "GET", path)
        say(f"GET {path} is refused", said[0] in (400, 403), said)
    body = '{"reason": "left"}'
    said = check(stub, "POST", DISABLE, body=body)
    request = said[1].get("placet-request", "")
    say("an approval is asked for", said[0] == 401 and request, said)
    ledger.approve(request)
    named = {"placet-request": request}
    said = check(stub, "POST", DISABLE, named, body, size=len(body) + 1)
    say("a part of a body is refused", said[0] == 400, said)
    said = check(stub, "POST", DISABLE, {**named, "x-envoy-auth-partial-body": "true"}, body)
    say("what Envoy calls partial is refused", said[0] == 400, said)
    said = check(stub, "POST", DISABLE, named, body, text=True)
    say("a body as text is refused", said[0] == 400, said)
    said = check(stub, "POST", DISABLE, named, size=len(body))
    say("a body that Envoy keeps is refused", said[0] == 400, said)
    said = check(stub, "POST", DISABLE, named, body, host="admin.example")
    say("another host is refused", said[0] == 400, said)
    said = check(stub, "POST", DISABLE, {**named, "x-user": "root"}, body)
    say("a header that no list names is refused", said[0] == 400, said)
    said = check(stub, "POST", DISABLE, named, '{"reason": "gone"}')
    say("another body is refused", said[0] == 403, said)
    said = check(stub, "POST", DISABLE, named, body)
    say("the same call passes", said == (200, {"placet-request": request}), said)
    said = check(stub, "POST", DISABLE, named, body)
    say("a second time it is refused", said[0] == 403, said)
    try:
        stub.Check(auth.CheckRequest(), timeout=60)
        code = None
    except grpc.RpcError as error:
        code = error.code()
    say("what is no question is refused", code == grpc.StatusCode.INVALID_ARGUMENT, code)
