// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gnutls/gnutls.h>

#include <slipway/security/key_log.hpp>

namespace slipway::security {

/// Gives a session's keys to the process's key log, and to no file of GnuTLS's own.
void heed_key_log(gnutls_session_t session);

}  // namespace slipway::security
