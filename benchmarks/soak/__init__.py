"""Mixed traffic with faults, held against what must have happened: `make soak`.

It drives the servers, the clients and the provider's double of the tests, so it looks for them there.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "tests"))
