"""The solver cvc5 as a program, by way of its Python package, which brings the library alone.

usage: program.py [--OPTION=VALUE ..]   SMT-LIB 2 on standard input, answers on standard output
       program.py --version

It reads one command at a time and answers at once, as the program does; `(reset)` begins anew.
"""

import sys

import cvc5

OPTIONS = [arg[2:].split("=", 1) for arg in sys.argv[1:] if arg.startswith("--") and "=" in arg]


class Session:
    """A solver with the symbols that were declared to it."""

    def __init__(self):
        terms = cvc5.TermManager()
        self.solver = cvc5.Solver(terms)
        for name, value in [*OPTIONS, ["incremental", "true"]]:
            self.solver.setOption(name, value)
        self.symbols = cvc5.SymbolManager(terms)
        self.parser = cvc5.InputParser(self.solver, self.symbols)

    def run(self, text):
        """Runs commands; gives what they say."""
        self.parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "standard input")
        said = []
        while True:
            command = self.parser.nextCommand()
            if command.isNull():
                return "".join(said)
            said.append(command.invoke(self.solver, self.symbols))


def commands(stream):
    """Whole commands: a closing parenthesis ends one, unless it is in a text, name or comment."""
    text, depth, inside = [], 0, None
    while char := stream.read(1):
        if inside == ";":
            inside = None if char == "\n" else inside
            continue
        if inside is None and char == ";":
            inside = ";"
            continue
        text.append(char)
        if inside:
            inside = None if char == inside else inside
        elif char in '"|':
            inside = char
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0:
                yield "".join(text).strip()
                text = []


def main():
    if "--version" in sys.argv[1:]:
        print(f"cvc5 {cvc5.__version__}, through Python")
        return
    session = Session()
    for command in commands(sys.stdin):
        if command == "(exit)":
            return
        if command == "(reset)":
            session = Session()
            continue
        try:
            said = session.run(command)
        except RuntimeError as error:
            text = str(error).replace('"', "'")
            said = f'(error "{text}")\n'
        sys.stdout.write(said)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
