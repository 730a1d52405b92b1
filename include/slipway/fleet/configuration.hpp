// SPDX-License-Identifier: Apache-2.0
// The operator's configuration file (TOML): where to listen, who may come, and what they get.
#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/secret.hpp>
#include <slipway/base/time.hpp>
#include <slipway/fleet/plan.hpp>
#include <slipway/fleet/remote.hpp>
#include <slipway/model/definition.hpp>

namespace slipway::fleet {

/// An error refuses the configuration; a warning is what somebody should look at.
enum class Severity : std::uint8_t { error, warning };
[[nodiscard]] const char* to_string(Severity severity);

/// One thing that is wrong in a configuration. Printed as `file:line:column: key: message; remedy`, a warning
/// with that word before its key. Never holds a key.
struct Finding {
  Severity severity = Severity::error;
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
  std::string key;  ///< "plan.default.server[0].uri"
  std::string message;
  std::string remedy;
  [[nodiscard]] std::string text() const;
};

/// What a server proves itself with on its coaps port, beside pre-shared keys.
struct ServerTlsSettings {
  std::vector<Bytes> chain;        ///< its certificate first, DER; may be empty
  Bytes public_key;                ///< SubjectPublicKeyInfo, DER
  Secret private_key;              ///< PKCS#8, DER
  std::vector<Bytes> authorities;  ///< who issues the certificates of devices, DER
  bool operator==(const ServerTlsSettings& other) const {
    return chain == other.chain && public_key == other.public_key && authorities == other.authorities &&
           private_key.same_as(other.private_key);
  }
};

/// Addresses to listen on; an empty text means that this port is off.
struct ListenSettings {
  std::string coap;
  std::string coaps;
  std::shared_ptr<const ServerTlsSettings> tls{};  ///< nothing: pre-shared keys only
  std::vector<std::uint16_t> cipher_suites{};      ///< IANA numbers, most wanted first; empty: the usual ones
  std::string coap_tcp{};                          ///< CoAP over TCP [RFC 8323]
  std::string coaps_tcp{};                         ///< and in TLS
  std::size_t connections_max = 10'000;            ///< of each TCP port
  std::size_t connections_per_ip_max = 1'000;      ///< of them, from one IP address
  bool operator==(const ListenSettings& other) const {
    const bool same_tls = tls && other.tls ? *tls == *other.tls : tls == other.tls;
    return coap == other.coap && coaps == other.coaps && same_tls && cipher_suites == other.cipher_suites &&
           coap_tcp == other.coap_tcp && coaps_tcp == other.coaps_tcp &&
           connections_max == other.connections_max && connections_per_ip_max == other.connections_per_ip_max;
  }
};

struct ServerSettings {
  std::string data = "./slipway-data";
  ListenSettings bootstrap{"[::]:5783", "[::]:5784"};
  ListenSettings management{"[::]:5683", "[::]:5684"};
  std::string http = "127.0.0.1:8080";
  std::string http_token_file;
  std::string objects_directory;
  std::size_t journeys_kept = 16;       ///< per device
  bool sessions_kept = true;            ///< secure sessions outlive the server
  bool sessions_resumed = true;         ///< those without a Connection ID may be resumed, for a day
  std::chrono::days sessions_idle{30};  ///< DTLS sessions without traffic for so long end
  bool operator==(const ServerSettings&) const = default;
};

/// A plan of a configuration by its name, whether an enrolment uses it or not.
using Plans = std::map<std::string, std::shared_ptr<const Plan>, std::less<>>;

struct Configuration {
  ServerSettings server;
  Enrolments enrolments;
  Plans plans;
  std::vector<Finding> warnings;  ///< in the order of the file
  std::vector<Remote> remotes;    ///< in the order of their names
};

/// Largest configuration file that is read.
inline constexpr std::size_t kConfigurationMax = 4 * 1024 * 1024;

/// `[[enrolment]]` sections of one file.
inline constexpr std::size_t kEnrolmentsMax = 100'000;

/// Findings that are reported; of further ones only the number.
inline constexpr std::size_t kFindingsMax = 200;

/// Largest key or certificate file that a configuration may name.
inline constexpr std::size_t kKeyFileMax = 64 * 1024;

/// A certificate that ends within this time is a warning.
inline constexpr std::chrono::days kExpiryWarning{30};

/// What a file holds that a configuration names, and whether other users of this machine may read it.
struct KeyFile {
  Secret content;
  bool readable_by_others = false;
};
/// Gets such a file, or says for a person why not.
using KeyFileReader = std::function<std::expected<KeyFile, std::string>(const std::filesystem::path&)>;

/// From the file system; only regular files of at most kKeyFileMax bytes.
[[nodiscard]] std::expected<KeyFile, std::string> read_key_file(const std::filesystem::path& file);

struct ReadOptions {
  std::optional<UnixTime> now;  ///< what certificates are dated against; nothing: the system's clock
  KeyFileReader key_file = read_key_file;
};

/// Reads a whole configuration and checks every plan in it before a device sees it: refused are what a
/// device would refuse, what would lock it out, and keys that are nobody's own. All findings are returned
/// together (the first kFindingsMax), unknown keys too. A syntax error is the only finding. `file` names the
/// source in them; key files are found from its folder.
[[nodiscard]] std::expected<Configuration, std::vector<Finding>> parse_configuration(
    std::string_view text, const std::string& file, const ObjectCatalog& catalog,
    const ReadOptions& options = {});

/// As above, from a file; a file that cannot be read or is too large is a finding.
[[nodiscard]] std::expected<Configuration, std::vector<Finding>> load_configuration(
    const std::string& file, const ObjectCatalog& catalog, const ReadOptions& options = {});

/// The folder of object definitions that a configuration names, which has to be known before its plans can be
/// read; empty where it names none, or cannot be read.
[[nodiscard]] std::string objects_folder_of(const std::string& file);

}  // namespace slipway::fleet
