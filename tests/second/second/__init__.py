"""A second verifier of Placet evidence bundles, written from SPEC.md and the vectors alone."""


class Refused(Exception):
    """The input is not what it should be; `code` says what is wrong."""

    def __init__(self, code, detail=""):
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code


class Unsupported(Refused):
    """An algorithm that this verifier does not have: undecided, never a no (R-13-2)."""

    def __init__(self, detail=""):
        super().__init__("alg.unsupported", detail)
