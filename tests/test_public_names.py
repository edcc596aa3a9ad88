"""What `import shipper` gives, and what it does not load."""

import subprocess
import sys

import pytest

import shipper


@pytest.mark.parametrize("name", shipper.__all__)
def test_every_public_name_is_there(name):
    assert getattr(shipper, name).__name__ == name


def test_any_other_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        _ = shipper.nonsense


@pytest.mark.parametrize(
    ("program", "absent"),
    [
        ("import shipper; shipper.AuditHandler", "shipper.outputs"),
        ("import shipper; shipper.AuditHandler", "shipper.deliver"),
        ("import shipper; shipper.AuditHandler", "socket"),
        ("import shipper; shipper.AuditHandler", "watchdog"),
        ("import shipper.deliver.pipeline, shipper.outputs", "shipper.record.handler"),
        ("import shipper.deliver.pipeline, shipper.outputs", "shipper.catalog"),
        ("import shipper.deliver.pipeline, shipper.outputs", "elasticsearch"),
    ],
)
def test_one_side_does_not_load_the_other(program, absent):
    check = f"{program}; import sys; sys.exit({absent!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
