"""The command that runs a witness."""

import argparse
import signal
import threading

from shipper.cli.commands import EX_CONFIG
from shipper.cli.terminal import say, warn
from shipper.evidence.keys import signer_of_file
from shipper.evidence.policy import read_policy
from shipper.evidence.witness import Witness
from shipper.run.witness import WitnessServer, claimed


def witness(arguments: argparse.Namespace) -> int:
    """Cosign checkpoints of the logs in a policy until SIGTERM or SIGINT."""
    host, _, port = arguments.listen.rpartition(":")
    signer, logs = signer_of_file(arguments.key), read_policy(arguments.policy).logs
    if not host or not port.isdecimal() or not logs:
        warn(f"--listen must be HOST:PORT, and {arguments.policy} needs a line `log KEY`")
        return EX_CONFIG
    with claimed(arguments.folder):
        known = Witness(arguments.folder, signer, logs)
        with WitnessServer(host.strip("[]"), int(port), known) as server:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: _stop(server))
            name = signer.public.name
            say(f"witness {name} {signer.public.cosigning()} http://{arguments.listen}")
            server.serve_forever()
    return 0


def _stop(server: WitnessServer) -> None:
    threading.Thread(target=server.shutdown).start()  # it waits for the loop that runs here
