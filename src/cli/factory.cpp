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

namespace slipway::cli {
namespace {

constexpr std::size_t kPacksMax = 1'000'000;  // of one run
constexpr std::size_t kPacksPerCommit = 500;

struct Options {
  std::string endpoint;
  std::string server;
  std::string out = ".";
  std::string data;
  std::string keys;
  std::size_t count = 1;
  std::size_t first = 1;
  std::size_t hold_off_s = 0;
  std::size_t key_bytes = 16;
  bool nosec = false;
  bool force = false;
};

/// One device to be made.
struct Device {
  std::string endpoint;
  std::string identity;
  Secret key;
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
std::string file_name(const std::string& endpoint) {
  std::string name;
  for (const char c : endpoint)
    name += (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.') ? c : '-';
  return name + ".pack.json";
}

/// Reads `endpoint,identity,key-in-hex` lines: keys that another system has made.
std::expected<std::vector<Device>, std::string> read_keys(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) return std::unexpected(file + ": cannot be read: " + std::strerror(errno));
  std::vector<Device> devices;
  std::map<std::string, std::size_t> key_lines, endpoint_lines, identity_lines;
  std::string line;
  for (std::size_t number = 1; std::getline(stream, line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    const auto where = file + ":" + std::to_string(number) + ": ";
    if (devices.size() >= kPacksMax)
      return std::unexpected(where + "more than 1,000,000 devices; split the file");
    std::stringstream fields(line);
    Device device;
    std::string hex;
    if (!std::getline(fields, device.endpoint, ',') || !std::getline(fields, device.identity, ',') ||
        !std::getline(fields, hex))
      return std::unexpected(where + "expected `endpoint,identity,key` with the key in hexadecimal");
    auto key = from_hex(hex);
    if (!key || key->size() < 16 || key->size() > 64)
      return std::unexpected(where + "the key must be 16 to 64 bytes in hexadecimal");
    if (const auto [other, is_new] = key_lines.emplace(to_hex(*key), number); !is_new)
      return std::unexpected(where + "this key is also on line " + std::to_string(other->second) +
                             "; whoever opens one device would own both: give each device its own");
    if (const auto [other, is_new] = endpoint_lines.emplace(device.endpoint, number); !is_new)
      return std::unexpected(where + "this endpoint is also on line " + std::to_string(other->second));
    if (const auto [other, is_new] = identity_lines.emplace(device.identity, number); !is_new)
      return std::unexpected(where + "this identity is also on line " + std::to_string(other->second));
    device.key = Secret(*key);
    wipe(*key);
    wipe({reinterpret_cast<std::uint8_t*>(hex.data()), hex.size()});
    devices.push_back(std::move(device));
  }
  return devices;
}

std::vector<Device> make_devices(const Options& options, Random& random) {
  std::vector<Device> devices;
  for (std::size_t i = 0; i < options.count; ++i) {
    Device device;
    device.endpoint = numbered(options.endpoint, options.first + i);
    device.identity = device.endpoint;
    if (!options.nosec) {
      Bytes key(options.key_bytes);
      random.fill(key);
      device.key = Secret(key);
      wipe(key);
    }
    devices.push_back(std::move(device));
  }
  return devices;
}

/// The bootstrap account as /0/0, and nothing else.
device::Pack pack_of(const Device& made, const Options& options) {
  device::Pack pack;
  pack.endpoint = made.endpoint;
  const Path account(ObjectId(0), InstanceId(0));
  pack.add(account.child(0), Value::string(options.server));
  pack.add(account.child(1), Value::boolean(true));
  pack.add(account.child(2), Value::integer(options.nosec ? 3 : 0));
  if (!options.nosec) {
    pack.add(account.child(3), Value::opaque(as_bytes(made.identity)));
    pack.add(account.child(5), Value::opaque(made.key.reveal()));
  }
  pack.add(account.child(11), Value::integer(static_cast<std::int64_t>(options.hold_off_s)));
  return pack;
}

struct PackFile {
  std::string endpoint;
  std::string name;
  std::string text;
};

std::string exists_already(const std::string& file) {
  return file +
         ": cannot be written: it is there already; its key would be lost: move it away, or say --force";
}

/// Finds what is wrong before the server hears of a key: enrolling one again makes the first pack worthless.
std::expected<PackFile, std::string> pack_file(const Device& made, const Options& options,
                                               const std::string& name) {
  const auto pack = pack_of(made, options);
  if (const auto problems = device::problems_of(pack, builtin_objects()); !problems.empty())
    return std::unexpected(made.endpoint + ": " + problems.front());
  auto text = device::write_pack(pack);
  if (!text) return std::unexpected(text.error());
  std::error_code ignored;
  if (!options.force && std::filesystem::exists(name, ignored)) return std::unexpected(exists_already(name));
  return PackFile{made.endpoint, name, std::move(*text)};
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

std::expected<void, std::string> enrol(storage::Store& store, std::span<const Device> devices) {
  std::vector<fleet::Credential> credentials;
  for (const auto& device : devices) {
    fleet::Credential credential;
    credential.endpoint = device.endpoint;
    credential.role = fleet::ServerRole::bootstrap;
    credential.identity.assign(device.identity.begin(), device.identity.end());
    credential.key = device.key.clone();
    credential.created = net::unix_now();
    credentials.push_back(std::move(credential));
  }
  if (auto put = store.put_credentials(credentials); !put) return std::unexpected(put.error().what);
  return {};
}

int make_packs(const Options& options, bool json) {
  if (options.keys.empty() == options.endpoint.empty())
    return fail("say which devices: either --endpoint, or --keys with a file of them");
  if (options.count > 1 && options.endpoint.find("{}") == std::string::npos)
    return fail("--count needs a place for the number: --endpoint \"" + options.endpoint + "-{}\"");
  security::SystemRandom random;
  std::vector<Device> devices;
  if (options.keys.empty()) {
    devices = make_devices(options, random);
  } else {
    auto read = read_keys(options.keys);
    if (!read) return fail(read.error());
    devices = std::move(*read);
  }
  std::unique_ptr<storage::Store> store;
  if (!options.data.empty() && !options.nosec) {
    auto opened = storage::open_sqlite(options.data, random);
    if (!opened) return fail(opened.error().what);
    store = std::move(*opened);
  }
  std::error_code ignored;
  const bool one_file = devices.size() == 1 && options.out.ends_with(".json");
  if (!one_file) std::filesystem::create_directories(options.out, ignored);
  const bool progress = ::isatty(STDERR_FILENO) == 1 && devices.size() > 1000;
  for (std::size_t at = 0; at < devices.size(); at += kPacksPerCommit) {
    const auto part = std::span(devices).subspan(at, std::min(kPacksPerCommit, devices.size() - at));
    std::vector<PackFile> files;
    for (const auto& made : part) {
      auto file =
          pack_file(made, options, one_file ? options.out : options.out + "/" + file_name(made.endpoint));
      if (!file) return fail(file.error());
      files.push_back(std::move(*file));
    }
    // The server knows a device before its pack exists: an interrupted run leaves no pack that nobody
    // accepts.
    if (store)
      if (auto enrolled = enrol(*store, part); !enrolled) return fail(enrolled.error());
    for (const auto& file : files) {
      if (auto written = write_file(file.name, file.text, options.force); !written)
        return fail(written.error());
      if (json)
        std::printf(
            "%s\n",
            nlohmann::json{{"endpoint", file.endpoint}, {"pack", file.name}, {"enrolled", store != nullptr}}
                .dump()
                .c_str());
      else if (devices.size() <= 20)
        std::printf("%s  %s\n", file.name.c_str(), file.endpoint.c_str());
    }
    if (progress) std::fprintf(stderr, "\r%zu of %zu packs", at + part.size(), devices.size());
  }
  if (progress) std::fprintf(stderr, "\n");
  if (!json && devices.size() > 20) std::printf("%zu packs in %s\n", devices.size(), options.out.c_str());
  if (!store && !options.nosec && !json)
    std::fprintf(stderr,
                 "note: no server knows these keys yet; with --data DIR they are enrolled where `slipway "
                 "serve` looks\n");
  return 0;
}

}  // namespace

void add_factory(Context context) {
  auto options = std::make_shared<Options>();
  auto* command =
      add_command(context, "factory",
                  "make factory packs: a bootstrap account with a random key of its own for each device",
                  "slipway factory --endpoint urn:dev:os:lamp-{} --count 100 --server "
                  "coaps://bs.example.com:5784 --out packs "
                  "--data slipway-data");
  command->add_option("-e,--endpoint", options->endpoint, "endpoint name; {} becomes a number")
      ->type_name("NAME");
  command->add_option("-n,--count", options->count, "how many devices")
      ->check(CLI::Range(std::size_t{1}, kPacksMax));
  command->add_option("--first", options->first, "first number");
  command
      ->add_option("-k,--keys", options->keys, "file of `endpoint,identity,key` lines, keys in hexadecimal")
      ->type_name("FILE");
  command->add_option("-s,--server", options->server, "URI of the bootstrap server")
      ->required()
      ->type_name("URI");
  command->add_option("-o,--out", options->out, "folder, or a .json file for one device (default .)")
      ->type_name("PATH");
  command->add_option("-d,--data", options->data, "enrol the keys in this data folder of `slipway serve`")
      ->type_name("DIR");
  command->add_option("--hold-off", options->hold_off_s,
                      "seconds that the device waits before it bootstraps (/0/x/11)");
  command->add_option("--key-bytes", options->key_bytes, "length of generated keys")
      ->check(CLI::Range(16, 64));
  command->add_flag("--nosec", options->nosec, "no key at all, for a network that nobody else reaches");
  command->add_flag("--force", options->force, "replace existing packs");
  command->callback([options, context] {
    context.action = [options, &json = context.common.json] { return make_packs(*options, json); };
  });
}

}  // namespace slipway::cli
