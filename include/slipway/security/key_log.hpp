// SPDX-License-Identifier: Apache-2.0
// The keys of sessions, told for debugging: who has them can read all that the sessions carry.
#pragma once

#include <functional>

#include <slipway/base/secret.hpp>

namespace slipway::security {

/// Takes one line of the NSS key log format, without its end: "CLIENT_RANDOM", the client's random and the
/// secret of its session, in hexadecimal. Wireshark and others read it. May be called on any thread that
/// handles a session.
using KeyLog = std::function<void(const Secret& line)>;

/// Tells `log` the keys of every DTLS and TLS handshake of this process from now on; an empty one ends that.
/// Without a call nobody is told, whatever the environment says: left to itself GnuTLS would follow
/// SSLKEYLOGFILE without a word. For the whole process, as the variable is: what must never happen by mistake
/// shall have one switch.
void set_key_log(KeyLog log);

}  // namespace slipway::security
