"""WebAuthn libraries that others wrote, over our matrix of odd assertions and over evidence."""

import json

import assertion
from report import HERE

VECTORS = HERE.parents[1] / "verifier" / "vectors"
MATRIX = VECTORS / "webauthn-matrix.json"
REGISTRATIONS = VECTORS / "webauthn-registrations.json"


def libraries(report, options):
    """What is judged without a ledger."""
    matrix(report, options)
    registrations(report, options)


def matrix(report, options):
    """Every library takes the good case of our matrix and none the one of another key."""
    done = report.exits("WebAuthn libraries over the matrix", peers(options, "--matrix", MATRIX), 0)
    print(done.stdout)


def registrations(report, options):
    """Attestation statements, right and wrong: we stand alone against no two libraries."""
    python = options.cache / "venv-webauthn" / "bin" / "python"
    command = [python, HERE / "webauthn_registrations.py", REGISTRATIONS]
    done = report.exits("WebAuthn libraries over attested registrations", command, 0)
    print(done.stdout)


def evidence(report, options):
    """The assertions in the demo's evidence: accepted as they are, refused after any change."""
    origins = json.loads((options.demo / "trust.json").read_text())["origins"]
    source = options.demo / "evidence.placet"
    accepted = 0
    # The bundle does not repeat the origin: it is in clientDataJSON, and the trust file lists it.
    for origin in origins:
        for path in assertion.write(source, options.work / "assertions", origin):
            record = json.loads(path.read_text())
            client_data = assertion.base64.urlsafe_b64decode(record["client_data_json"] + "==")
            if json.loads(client_data)["origin"] == origin:
                accepted += 1
                name = f"WebAuthn libraries: {path.stem}"
                report.exits(f"{name} accepted", peers(options, path), 0)
                report.exits(f"{name} refused after each change",
                             peers(options, "--tamper", path), 0)
    report.check("the evidence holds an assertion", accepted > 0)


def peers(options, *arguments):
    """The command of webauthn_peers.py, in its own environment."""
    python = options.cache / "venv-webauthn" / "bin" / "python"
    return [python, HERE / "webauthn_peers.py", *arguments]
