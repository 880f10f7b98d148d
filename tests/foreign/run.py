"""Runs verifiers, logs and witnesses that others wrote against Placet, and counts.

usage: run.py --go DIR --work DIR --cache DIR [--placet FILE --verify FILE --demo DIR] STAGE..

Stages, in the order of what they need:
  peers     each checker accepts our synthetic export and refuses every spoiled copy
  go-peers  a Tessera log cosigned by a Go witness; fsck and note, accept and refuse
  webauthn  WebAuthn libraries over our matrix of odd assertions and over attested registrations
  vectors   scitt-cose's published vectors through placet-verify, accept and reject
  evidence  the demo's evidence, exported: COSE and CDDL peers, ssh-keygen, WebAuthn libraries
  log       the demo's two logs, served: sumdb/note and Tessera's fsck
  witness   a Go witness cosigns our log; our witness cosigns a Tessera log
  liar      an operator who lies, against our witness and a Go witness; mirrors and their evidence
  mirror    our mirror of a Tessera log, killed at random moments
  static    nginx alone serves the demo's logs; our mirror and Tessera's fsck read them
  gateway   the HTTP gateway by itself, behind nginx and Caddy, and asked as Envoy asks
  outbound  a signed delivery, by http-message-signatures and joserfc
  pdp       Cerbos, a foreign decision point, under our step-up
  tokens    challenges and action-bound tokens, by jose and oauth4webapi
  identity  tokens of oidc-provider and proofs of oauth4webapi, judged by the gateway

Last line: "foreign: N passed, N failed". Exit code 0 if none failed and at least one passed.
"""

import argparse
import pathlib
import sys

import stage_evidence
import stage_gateway
import stage_identity
import stage_liar
import stage_log
import stage_mirror
import stage_outbound
import stage_pdp
import stage_peers
import stage_static
import stage_tokens
import stage_vectors
import stage_webauthn
import stage_witness
from report import Report

STAGES = {
    "peers": stage_peers.cose,
    "go-peers": stage_peers.go,
    "webauthn": stage_webauthn.libraries,
    "vectors": stage_vectors.run,
    "evidence": stage_evidence.run,
    "log": stage_log.run,
    "witness": stage_witness.run,
    "liar": stage_liar.run,
    "mirror": stage_mirror.run,
    "static": stage_static.run,
    "gateway": stage_gateway.run,
    "outbound": stage_outbound.run,
    "pdp": stage_pdp.run,
    "tokens": stage_tokens.run,
    "identity": stage_identity.run,
}


def main():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--go", type=pathlib.Path, required=True, help="folder of the Go programs")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="scratch folder")
    parser.add_argument("--cache", type=pathlib.Path, required=True, help="kept between runs")
    parser.add_argument("--placet", type=pathlib.Path, help="the program placet")
    parser.add_argument("--verify", type=pathlib.Path, help="the program placet-verify")
    parser.add_argument("--demo", type=pathlib.Path, help="folder that `placet demo` left")
    parser.add_argument("stages", nargs="+", choices=list(STAGES), metavar="STAGE")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)

    report = Report()
    for stage in options.stages:
        report.stage(stage)
        STAGES[stage](report, options)
    report.finish()
    sys.exit(0 if report.failed == 0 and report.passed > 0 else 1)


if __name__ == "__main__":
    main()
