"""scitt-cose's vectors through our verifier: its bare RFC 9942 layer, without Placet's profile."""

import vectors

# FAILED, INDETERMINATE and MALFORMED all are a no; usage, I/O and bugs are not an answer.
REFUSALS = (1, 3, 4)


def run(report, options):
    folder = vectors.fetch(options.cache)
    report.peers["scitt-cose-vectors"] = vectors.VERSION
    for name, accept, arguments in vectors.cases(folder):
        verdict = "accepts" if accept else "refuses"
        command = [options.verify, "receipt", *arguments]
        report.exits(f"placet-verify {verdict} {name}", command, 0 if accept else REFUSALS)
