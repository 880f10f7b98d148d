"""python-cwt: the statement's signature, and the receipt's over the root that its path gives."""

from cwt import COSE, COSEKey

from export import judge


def check(export):
    issuer = COSEKey.from_pem(export.issuer_pem, kid=export.kid(export.statement))
    log = COSEKey.from_pem(export.log_pem, kid=export.kid(export.receipt))
    COSE.new().decode_with_headers(export.statement, keys=[issuer])
    COSE.new().decode_with_headers(export.receipt, keys=[log], detached_payload=export.root())
    return export.entry_matches()


judge("cwt", check)
