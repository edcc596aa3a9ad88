"""Runs one target under the fuzzer: `python -m fuzz NAME [libFuzzer's options]`."""

import sys

import atheris

with atheris.instrument_imports(include=["shipper", "fuzz.targets"]):
    from fuzz.targets import TARGETS


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in TARGETS:
        sys.exit(f"name one of: {', '.join(TARGETS)}")
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
