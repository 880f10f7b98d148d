"""scitt-cose's vectors through our verifier: its bare RFC 9942 layer, without Placet's profile.

And what the peers judge in the stage before, the synthetic exports, sound and spoiled.
"""

import shutil

import synth
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
    for label, alg in (("eddsa", synth.EDDSA), ("es256", synth.ES256)):
        base = options.work / "synthetic-ours" / label
        shutil.rmtree(base, ignore_errors=True)
        good = synth.write(base / "good", alg)
        report.exits(f"placet-verify accepts synthetic {label}", receipt(options, good), 0)
        for name, folder in synth.spoiled(good, base / "spoiled"):
            report.exits(f"placet-verify refuses synthetic {label} {name}",
                         receipt(options, folder), REFUSALS)


def receipt(options, folder):
    """`placet-verify receipt` over an export folder."""
    return [
        options.verify, "receipt",
        "--statement", folder / "statement.cose",
        "--statement-pubkey", folder / "issuer.pem",
        "--receipt", folder / "receipt.cose",
        "--receipt-log-pubkey", folder / "log.pem",
        "--leaf-entry-hex", (folder / "entry.hex").read_text().strip(),
    ]
