"""Makes table.txt, the time zones of telephone numbers: python3 make_table.py > table.txt

Needs the package phonenumbers (pip install phonenumbers) and nothing else. The same version of the package gives the
same bytes. Each line is a set of zones and the E.164 prefixes, without the plus sign, that lie in it; a line that
begins with a space goes on with the prefixes of the one above.
"""

import sys
import textwrap

import phonenumbers
from phonenumbers.tzdata import TIMEZONE_DATA

WIDTH = 140


def main():
    prefixes = {}
    for prefix, zones in TIMEZONE_DATA.items():
        prefixes.setdefault(",".join(sorted(zones)), []).append(prefix)
    lines = [f"# phonenumbers {phonenumbers.__version__}; made by make_table.py"]
    for zones in sorted(prefixes):
        text = " ".join([zones, *sorted(prefixes[zones])])
        # a zone's name may hold a hyphen and a set of many zones is longer than a line: neither is broken
        lines += textwrap.wrap(text, WIDTH, subsequent_indent=" ", break_on_hyphens=False, break_long_words=False)
    sys.stdout.write("\n".join(lines) + "\n")


main()
