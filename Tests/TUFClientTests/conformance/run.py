"""Runs a TUF client through scenarios against repositories that python-tuf writes.

Usage: run.py CLIENT [SCENARIO ...]

The client has the command line of the suite tuf-conformance, whose scenarios these follow where it has them. One line
is printed for each scenario: "ok NAME", or "FAILED NAME: what was expected". The exit status is 1 if any failed.
"""

import sys
import traceback

import scenarios_metadata
import scenarios_rotation
import scenarios_targets
from simulator import SCENARIOS, Host

def main():
    failed = False
    for name, function in SCENARIOS.items():
        if sys.argv[2:] and name not in sys.argv[2:]:
            continue
        try:
            function()
            print(f"ok {name}")
        except Exception as error:
            failed = True
            print(f"FAILED {name}: {error}; the last client said: {Host.last.log}")
            traceback.print_exc()
    return 1 if failed else 0


sys.exit(main())
