// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <nlohmann/json.hpp>

#include <slipway/base/secret.hpp>
#include <slipway/device/pack.hpp>
#include <slipway/net/clock.hpp>
#include <slipway/net/file_descriptor.hpp>
#include <slipway/security/random.hpp>
#include <slipway/storage/sqlite.hpp>

#include "app.hpp"
#include "factory_accounts.hpp"

namespace slipway::cli {
namespace {

constexpr std::size_t kPacksMax = 1'000'000;  // of one run
constexpr std::size_t kPacksPerCommit = 500;

struct Options {
  AccountOptions accounts;
  std::string endpoint;
  std::string out;
  std::string smartcard;
  std::string data;
  std::string keys;
  std::string format = "json";
  std::size_t count = 1;
  std::size_t first = 1;
  bool nosec = false, rpk = false, x509 = false;
  bool force = false;
};

/// One device to be made.
struct Device {
  std::string endpoint;
  std::size_t number = 0;
  std::optional<GivenKey> given;
};

/// "urn:dev:os:lamp-{}" with a number of at least six digits in place of {}.
std::string numbered(const std::string& pattern, std::size_t number) {
  const auto place = pattern.find("{}");
  if (place == std::string::npos) return pattern;
  std::string digits = std::to_string(number);
  if (digits.size() < 6) digits.insert(0, 6 - digits.size(), '0');
  return pattern.substr(0, place) + digits + pattern.substr(place + 2);
}

/// A file name without what a file system would mind.
std::string file_name(const std::string& endpoint, const std::string& format) {
  std::string name;
  for (const char c : endpoint)
    name += (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.') ? c : '-';
  return name + ".pack." + format;
}

/// Keys that somebody could guess. They may be in devices already, and of a million random ones one looks
/// like it: so they are told, and taken.
class Doubts {
 public:
  void add(const std::string& line) {
    if (++count_ <= kShownMax) std::fprintf(stderr, "warning: %s\n", line.c_str());
  }
  void end() const {
    if (count_ > kShownMax)
      std::fprintf(stderr, "warning: %zu more keys that somebody could guess\n", count_ - kShownMax);
    if (count_ != 0)
      std::fprintf(stderr, "  who guesses a key is that device; a random one: openssl rand -hex 16\n");
  }

 private:
  static constexpr std::size_t kShownMax = 10;
  std::size_t count_ = 0;
};

/// Reads `endpoint,identity,key-in-hex` lines: keys that another system has made.
std::expected<std::vector<Device>, std::string> read_keys(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) return std::unexpected(file + ": cannot be read: " + std::strerror(errno));
  std::vector<Device> devices;
  std::map<std::string, std::size_t> key_lines, endpoint_lines, identity_lines;
  Doubts doubts;
  std::string line;
  for (std::size_t number = 1; std::getline(stream, line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    const auto where = file + ":" + std::to_string(number) + ": ";
    if (devices.size() >= kPacksMax)
      return std::unexpected(where + "more than 1,000,000 devices; split the file");
    std::stringstream fields(line);
    Device device;
    std::string hex;
    auto& given = device.given.emplace();
    if (!std::getline(fields, device.endpoint, ',') || !std::getline(fields, given.identity, ',') ||
        !std::getline(fields, hex))
      return std::unexpected(where + "expected `endpoint,identity,key` with the key in hexadecimal");
    auto key = from_hex(hex);
    if (!key || key->size() < 16 || key->size() > 64)
      return std::unexpected(where + "the key must be 16 to 64 bytes in hexadecimal");
    if (std::ranges::all_of(*key, [&](auto byte) { return byte == key->front(); }))
      return std::unexpected(
          where + "the key is one byte, repeated: no random key is; make one: openssl rand -hex 16");
    if (const auto* weak = fleet::weakness_of(*key)) doubts.add(where + weak);
    if (const auto [other, is_new] = key_lines.emplace(to_hex(*key), number); !is_new)
      return std::unexpected(where + "this key is also on line " + std::to_string(other->second) +
                             "; whoever opens one device would own both: give each device its own");
    if (const auto [other, is_new] = endpoint_lines.emplace(device.endpoint, number); !is_new)
      return std::unexpected(where + "this endpoint is also on line " + std::to_string(other->second));
    if (const auto [other, is_new] = identity_lines.emplace(given.identity, number); !is_new)
      return std::unexpected(where + "this identity is also on line " + std::to_string(other->second));
    given.key = Secret(*key);
    device.number = devices.size() + 1;
    wipe(*key);
    wipe({reinterpret_cast<std::uint8_t*>(hex.data()), hex.size()});
    devices.push_back(std::move(device));
  }
  doubts.end();
  return devices;
}

std::vector<Device> name_devices(const Options& options) {
  std::vector<Device> devices;
  for (std::size_t i = 0; i < options.count; ++i)
    devices.push_back(
        {.endpoint = numbered(options.endpoint, options.first + i), .number = options.first + i});
  return devices;
}

/// A file that belongs to a device, and what stands in it.
struct DeviceFile {
  std::string endpoint;
  const char* kind;  ///< "pack", "smartcard"
  std::string name;
  std::string content;
};

std::string exists_already(const std::string& file) {
  return file +
         ": cannot be written: it is there already; its key would be lost: move it away, or say --force";
}

/// A new file that only its owner can read. An existing one is kept unless `force`.
std::expected<void, std::string> write_file(const std::string& file, const std::string& text, bool force) {
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL);
  const net::FileDescriptor fd(::open(file.c_str(), flags, 0600));
  if (!fd.valid())
    return std::unexpected(errno == EEXIST ? exists_already(file)
                                           : file + ": cannot be written: " + std::strerror(errno));
  for (std::size_t at = 0; at < text.size();) {
    const auto count = ::write(fd.value(), text.data() + at, text.size() - at);
    if (count <= 0) return std::unexpected(file + ": cannot be written: " + std::strerror(errno));
    at += static_cast<std::size_t>(count);
  }
  return {};
}

void wipe_text(std::string& text) {
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
}

/// The run of one command.
class Run {
 public:
  Run(const Options& options, bool json, AccountFactory accounts, std::unique_ptr<storage::Store> store)
      : options_(options), json_(json), accounts_(std::move(accounts)), store_(std::move(store)) {}

  std::expected<void, std::string> make(std::span<const Device> devices) {
    one_file_ = devices.size() == 1 && (options_.out.ends_with(".json") || options_.out.ends_with(".cbor"));
    quiet_ = devices.size() > 20;
    std::error_code ignored;
    if (!one_file_ && !options_.out.empty()) std::filesystem::create_directories(options_.out, ignored);
    const bool progress = ::isatty(STDERR_FILENO) == 1 && devices.size() > 1000;
    for (std::size_t at = 0; at < devices.size(); at += kPacksPerCommit) {
      const auto part = devices.subspan(at, std::min(kPacksPerCommit, devices.size() - at));
      if (auto made = make_part(part); !made) return made;
      if (progress) std::fprintf(stderr, "\r%zu of %zu packs", at + part.size(), devices.size());
    }
    if (progress) std::fprintf(stderr, "\n");
    return {};
  }

 private:
  /// Finds what is wrong before the server hears of a key: enrolling one again makes the first pack
  /// worthless.
  std::expected<void, std::string> make_part(std::span<const Device> devices) {
    std::vector<DeviceFile> files;
    std::vector<fleet::Credential> credentials;
    for (const auto& device : devices) {
      auto made = accounts_.make(device.endpoint, device.given ? &*device.given : nullptr);
      if (!made) return std::unexpected(made.error());
      if (auto added = add_files(device, made->pack, files); !added) return added;
      std::ranges::move(made->credentials, std::back_inserter(credentials));
    }
    // The server knows a device before its pack exists: an interrupted run leaves no pack that nobody
    // accepts.
    if (store_ && !credentials.empty())
      if (auto put = store_->put_credentials(credentials); !put) return std::unexpected(put.error().what);
    for (auto& file : files) {
      if (auto written = write_file(file.name, file.content, options_.force); !written) return written;
      wipe_text(file.content);
      tell(file);
    }
    return {};
  }

  std::expected<void, std::string> add_files(const Device& made, const device::Pack& pack,
                                             std::vector<DeviceFile>& files) {
    const auto before = files.size();
    if (!options_.out.empty()) {
      const auto form = options_.format == "cbor" ? device::PackForm::cbor : device::PackForm::json;
      auto text = device::write_pack(pack, form);
      if (!text) return std::unexpected(text.error());
      const auto name =
          one_file_ ? options_.out : options_.out + "/" + file_name(made.endpoint, options_.format);
      files.push_back({made.endpoint, "pack", name, std::move(*text)});
    }
    if (!options_.smartcard.empty()) {
      const auto content = device::smartcard_file_of(pack);
      if (!content) return std::unexpected(content.error());
      files.push_back({made.endpoint, "smartcard", numbered(options_.smartcard, made.number),
                       std::string(as_text(content->reveal()))});
    }
    std::error_code ignored;
    for (const auto& file : std::span(files).subspan(before))
      if (!options_.force && std::filesystem::exists(file.name, ignored))
        return std::unexpected(exists_already(file.name));
    return {};
  }

  void tell(const DeviceFile& file) const {
    if (json_)
      std::printf(
          "%s\n",
          nlohmann::json{{"endpoint", file.endpoint}, {file.kind, file.name}, {"enrolled", store_ != nullptr}}
              .dump()
              .c_str());
    else if (!quiet_)
      std::printf("%s  %s\n", file.name.c_str(), file.endpoint.c_str());
  }

  const Options& options_;
  bool json_;
  bool one_file_ = false, quiet_ = false;
  AccountFactory accounts_;
  std::unique_ptr<storage::Store> store_;
};

/// What is wrong with the options together; empty when nothing is.
std::string problem_of(const Options& options) {
  const auto has_number = [](const std::string& text) { return text.find("{}") != std::string::npos; };
  if (options.keys.empty() == options.endpoint.empty())
    return "say which devices: either --endpoint, or --keys with a file of them";
  if (options.count > 1 && !has_number(options.endpoint))
    return "--count needs a place for the number: --endpoint \"" + options.endpoint + "-{}\"";
  if ((options.count > 1 || !options.keys.empty()) && !options.smartcard.empty() &&
      !has_number(options.smartcard))
    return "--smartcard needs a place for the number, since each device has a card: --smartcard card-{}.bin";
  if (options.nosec + options.rpk + options.x509 > 1) return "--nosec, --rpk and --x509: say one of them";
  if (!options.keys.empty() && (options.nosec || options.rpk || options.x509))
    return "--keys holds pre-shared keys; leave out --nosec, --rpk and --x509";
  if (options.accounts.server.empty() && options.accounts.management.uris.empty() &&
      options.accounts.template_file.empty())
    return "say whom the devices shall reach: --server, --management or --template";
  return {};
}

SecurityMode mode_of(const Options& options) {
  if (options.nosec) return SecurityMode::nosec;
  if (options.rpk) return SecurityMode::rpk;
  return options.x509 ? SecurityMode::x509 : SecurityMode::psk;
}

int make_packs(Options options, bool json) {
  if (const auto problem = problem_of(options); !problem.empty()) return fail(problem);
  if (options.out.empty() && options.smartcard.empty()) options.out = ".";
  if (options.out.ends_with(".cbor")) options.format = "cbor";
  options.accounts.mode = mode_of(options);
  security::SystemRandom random;
  std::vector<Device> devices;
  if (options.keys.empty()) {
    devices = name_devices(options);
  } else {
    auto read = read_keys(options.keys);
    if (!read) return fail(read.error());
    devices = std::move(*read);
  }
  auto accounts = AccountFactory::create(options.accounts, random);
  if (!accounts) return fail(accounts.error());
  std::unique_ptr<storage::Store> store;
  if (!options.data.empty() && !options.nosec) {
    auto opened = storage::open_sqlite(options.data, random);
    if (!opened) return fail(opened.error().what);
    store = std::move(*opened);
  }
  const bool enrolled = store != nullptr;
  Run run(options, json, std::move(*accounts), std::move(store));
  if (auto made = run.make(devices); !made) return fail(made.error());
  if (options.x509 && options.accounts.certificate_usage.value_or(3) < 2)
    std::fprintf(
        stderr,
        "note: with certificate usage 0 and 1 a device trusts nobody without a trust store of its own: "
        "slipway client --trust-store FILE\n");
  if (json) return 0;
  if (devices.size() > 20) std::printf("%zu packs in %s\n", devices.size(), options.out.c_str());
  if (!enrolled && !options.nosec)
    std::fprintf(stderr,
                 "note: no server knows these keys yet; with --data DIR they are enrolled where `slipway "
                 "serve` looks\n");
  return 0;
}

void add_account_options(CLI::App& command, Options& options) {
  auto& accounts = options.accounts;
  command.add_option("-s,--server", accounts.server, "URI of the bootstrap server")->type_name("URI");
  command
      .add_option("--server-key", accounts.server_key_file,
                  "public key or certificate of the bootstrap server (PEM or DER), with --rpk and --x509")
      ->type_name("FILE");
  command
      .add_option("--management", accounts.management.uris,
                  "URI of a management server; may be given several times")
      ->type_name("URI");
  command
      .add_option("--short-server-id", accounts.management.ids,
                  "its short server id, one for each --management")
      ->check(CLI::Range(1, 65534));
  command
      .add_option("--management-key", accounts.management.key_files,
                  "its public key or certificate, one for each --management")
      ->type_name("FILE");
  command
      .add_option("--lifetime", accounts.management.lifetime_s,
                  "seconds of a registration with them (/1/x/1)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{0x7FFFFFFF}));
  command
      .add_option("--template", accounts.template_file,
                  "pack (JSON or CBOR) with values that all devices have in common; its accounts get "
                  "credentials for each device")
      ->type_name("FILE");
  command
      .add_option("--hold-off", accounts.hold_off_s,
                  "seconds that the device waits before it bootstraps (/0/x/11)")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{0x7FFFFFFF}));
  command.add_option("--key-bytes", accounts.key_bytes, "length of generated pre-shared keys")
      ->check(CLI::Range(16, 64));
  command.add_flag("--rpk", options.rpk, "a key pair for each device, as a raw public key");
  command.add_flag("--x509", options.x509, "a key pair and a certificate for each device");
  command.add_option("--authority", accounts.authority_file, "certificate of the authority that issues them")
      ->type_name("FILE");
  command.add_option("--authority-key", accounts.authority_key_file, "its private key")->type_name("FILE");
  command
      .add_option("--validity-days", accounts.validity_days,
                  "of the certificates; never longer than the authority's own")
      ->check(CLI::Range(1, 36500));
  command
      .add_option("--certificate-usage", accounts.certificate_usage,
                  "how a device checks its server's certificate (/0/x/15): 2 it is an authority's, 3 it is "
                  "the server's own (default)")
      ->check(CLI::Range(0, 3));
  command.add_flag("--nosec", options.nosec, "no key at all, for a network that nobody else reaches");
}

}  // namespace

void add_factory(Context context) {
  auto options = std::make_shared<Options>();
  auto* command = add_command(context, "factory",
                              "make factory packs: accounts with credentials of its own for each device",
                              "slipway factory --endpoint urn:dev:os:lamp-{} --count 100 --server "
                              "coaps://bs.example.com:5784 --out packs "
                              "--data slipway-data\n"
                              "  slipway factory --endpoint urn:dev:os:lamp --server "
                              "coaps+tcp://bs.example.com:5784 --out lamp.json --data slipway-data");
  command->add_option("-e,--endpoint", options->endpoint, "endpoint name; {} becomes a number")
      ->type_name("NAME");
  command->add_option("-n,--count", options->count, "how many devices")
      ->check(CLI::Range(std::size_t{1}, kPacksMax));
  command->add_option("--first", options->first, "first number");
  command
      ->add_option("-k,--keys", options->keys, "file of `endpoint,identity,key` lines, keys in hexadecimal")
      ->type_name("FILE");
  add_account_options(*command, *options);
  command->add_option("-o,--out", options->out, "folder, or a .json or .cbor file for one device (default .)")
      ->type_name("PATH");
  command->add_option("--format", options->format, "form of the packs: json, or cbor for microcontrollers")
      ->check(CLI::IsMember({"json", "cbor"}));
  command
      ->add_option("--smartcard", options->smartcard,
                   "write the content of a smartcard's EF(LwM2M_Bootstrap) too, or alone without --out; {} "
                   "becomes the number")
      ->type_name("FILE");
  command
      ->add_option("-d,--data", options->data, "enrol the credentials in this data folder of `slipway serve`")
      ->type_name("DIR");
  command->add_flag("--force", options->force, "replace existing packs");
  command->callback([options, context] {
    context.action = [options, &json = context.common.json] { return make_packs(*options, json); };
  });
}

}  // namespace slipway::cli
