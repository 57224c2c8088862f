#!/usr/bin/env python3
"""Reads a ledger of asnmeter and recomputes it, as the other side of a contract would.

    read.py DIRECTORY [--key PUBLIC.pem] [--checkpoint FILE]...

Written from docs/EVIDENCE.md and docs/MODEL.md alone; it needs Python 3.8 and nothing else. Prints one
line and ends with 0 where everything holds, or says what does not and ends with 1.
"""
import argparse
import sys

from files import Ledger
from forms import Wrong
from replay import Replay


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    arguments.add_argument("directory")
    arguments.add_argument("--key", help="the public key (PEM) that the other side gave you")
    arguments.add_argument("--checkpoint", action="append", default=[], help="a file of checkpoints that was kept elsewhere")
    given = arguments.parse_args()
    try:
        ledger = Ledger(given.directory, given.key, given.checkpoint)
        replay = Replay()
        replay.run(ledger.leaves)
    except (Wrong, OSError, ValueError, KeyError) as error:
        print(f"{given.directory}: {error if isinstance(error, (Wrong, OSError)) else repr(error)}")
        return 1
    counts = ", ".join(f"{count} {what}" for what, count in sorted(replay.counts.items()))
    signed = "signed" if ledger.key else "unsigned"
    print(f"{given.directory}: holds; {len(ledger.checkpoints)} checkpoints ({signed}); {counts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
