"""Runs every test_*.py here and ends with one plain line: N passed, N failed."""
import sys
import unittest
from pathlib import Path


def main() -> int:
    suite = unittest.defaultTestLoader.discover(str(Path(__file__).parent), "test_*.py")
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2 if "-v" in sys.argv else 1).run(suite)
    failed = len({test.id() for test, _ in result.failures + result.errors} | {t.id() for t in result.unexpectedSuccesses})
    print(f"{result.testsRun - failed} passed, {failed} failed")
    # An empty run proves nothing.
    return 0 if result.testsRun and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
