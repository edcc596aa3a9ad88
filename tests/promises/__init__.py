"""What mcp-shipper promises: each promise with the tests that prove it.

`docs/guarantees.md` is generated from here (`python -m tests.promises`), so operators read only
what tests prove. A proof is worth as much as what it fails on: each promise has mutants, which take
a guard away, and `make mutants` shows that the proof beside them fails.
"""

from tests.promises.alerts import ALERTS
from tests.promises.api import API
from tests.promises.assets import ASSETS
from tests.promises.capture import CAPTURE
from tests.promises.config import CONFIG
from tests.promises.evidence import EVIDENCE
from tests.promises.files import FILES
from tests.promises.formats import FORMATS
from tests.promises.others import OTHERS
from tests.promises.outputs import OUTPUTS
from tests.promises.persons import PERSONS
from tests.promises.processors import PROCESSORS
from tests.promises.proxy import PROXY
from tests.promises.record import RECORD
from tests.promises.redact import REDACT
from tests.promises.report import REPORT
from tests.promises.run import RUN
from tests.promises.wrap import WRAP

#: In the order of the page.
PROMISES = (
    *CAPTURE,
    *WRAP,
    *PROXY,
    *RECORD,
    *REDACT,
    *FILES,
    *OUTPUTS,
    *FORMATS,
    *EVIDENCE,
    *PERSONS,
    *REPORT,
    *ALERTS,
    *API,
    *CONFIG,
    *RUN,
    *PROCESSORS,
    *OTHERS,
    *ASSETS,
)
