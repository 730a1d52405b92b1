// SPDX-License-Identifier: Apache-2.0
// Keys and certificates from files that a command line names. Secrets never stand on a command line.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include <slipway/base/bytes.hpp>
#include <slipway/base/secret.hpp>

namespace slipway::cli {

/// The first certificate with an EC key of a file, DER. Errors are for a person, here and below.
[[nodiscard]] std::expected<Bytes, std::string> read_certificate(const std::string& file);
/// A public key as it is, or that of a certificate. DER.
[[nodiscard]] std::expected<Bytes, std::string> read_public_key(const std::string& file);
/// PKCS#8, DER.
[[nodiscard]] std::expected<Secret, std::string> read_private_key(const std::string& file);
/// A pre-shared key of at most 64 bytes: hexadecimal text, or else the bytes of the file. Text that is nearly
/// hexadecimal, or too short to be a key as it is, is an error.
[[nodiscard]] std::expected<Secret, std::string> read_preshared_key(const std::string& file);
/// A file as it is: one certificate (DER) or a chain (PEM).
[[nodiscard]] std::expected<Bytes, std::string> read_certificates(const std::string& file);

/// All certificates of a file, DER: whom a device trusts by itself. None of them, or one that is damaged, is
/// an error.
[[nodiscard]] std::expected<std::vector<Bytes>, std::string> read_trust_store(const std::string& file);

}  // namespace slipway::cli
