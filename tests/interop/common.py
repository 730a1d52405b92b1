# SPDX-License-Identifier: Apache-2.0
"""What tests of both directions do first."""
import secrets

import leshan


def new_psk():
    """A pre-shared key as hexadecimal text; each use makes another one."""
    return secrets.token_hex(16)


def told_leshan(stage, endpoint, factory_key):
    """Leshan's servers, told of a device: its key, and the account that it is given."""
    server, bootstrap = leshan.servers(stage)
    managed_key = new_psk()
    server.command("psk", endpoint, "managed-id", managed_key)
    bootstrap.command("psk", endpoint, "factory-id", factory_key)
    bootstrap.command("account", endpoint, server.uri, 101, 300, "psk", "managed-id", managed_key)
    return server, bootstrap


def asked(server, *words):
    """What Leshan's server got from a device: (code, {path: value})."""
    return leshan.answer(server.command(*words))
