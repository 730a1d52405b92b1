// SPDX-License-Identifier: Apache-2.0
#include "kit/script.hpp"

#include <algorithm>

#include <slipway/codec/payload.hpp>

namespace slipway::kit {
namespace {

using coap::Code;
using When = Step::When;

/// Beyond what any device should keep of a certificate: our own stops at 64 KiB.
constexpr std::size_t kOversizedBytes = 80 * 1024;
constexpr std::uint16_t kUnknownFormat = 65001;
constexpr ObjectId kUnknownObject{33333};
/// EXCHANGE_LIFETIME, and some more. [RFC 7252 §4.8.2]
constexpr Duration kTooLate = seconds(247 + 20);
/// Within EXCHANGE_LIFETIME of the last command, and beyond it of the first.
constexpr Duration kSlowly = seconds(200);

// --- Values ---------------------------------------------------------------------------------------------

/// What an account says that differs from the honest one.
struct Shape {
  ShortServerId server = kServerId;
  bool is_bootstrap = false;
  std::string_view uri{};  ///< empty: the bench's own
};

using Values = std::vector<Entry>;

Values security_values(const Cast& cast, const Path& at, const Account& account, const Shape& shape = {}) {
  const auto uri = !shape.uri.empty()   ? shape.uri
                   : shape.is_bootstrap ? cast.bootstrap_uri
                                        : cast.management_uri;
  Values values{{.path = at.child(0), .value = Value::string(uri)},
                {.path = at.child(1), .value = Value::boolean(shape.is_bootstrap)},
                {.path = at.child(2), .value = Value::integer(static_cast<int>(cast.security))}};
  if (cast.security == SecurityMode::psk) {
    values.push_back({.path = at.child(3), .value = Value::opaque(as_bytes(account.identity))});
    values.push_back({.path = at.child(5), .value = Value::opaque(account.key.reveal())});
  }
  if (!shape.is_bootstrap)
    values.push_back({.path = at.child(10), .value = Value::integer(shape.server.value())});
  return values;
}

/// With /1/x/17, 18 and 20 a device of 1.1 and later does not try for a quarter of an hour before it comes
/// back.
Values server_values(const Cast& cast, const Path& at, ShortServerId server = kServerId) {
  Values values{{.path = at.child(0), .value = Value::integer(server.value())},
                {.path = at.child(1), .value = Value::integer(lifetime_of(cast.account.number))},
                {.path = at.child(6), .value = Value::boolean(true)},
                {.path = at.child(7), .value = Value::string("U")}};
  if (cast.scene.enabler >= Version{1, 1}) {
    values.push_back({.path = at.child(17), .value = Value::unsigned_integer(1)});
    values.push_back({.path = at.child(18), .value = Value::unsigned_integer(1)});
    values.push_back({.path = at.child(20), .value = Value::unsigned_integer(1)});
  }
  return values;
}

Bytes encoded(ContentFormat format, const Path& base, const Values& values) {
  Bytes payload(kOversizedBytes + 4096);
  const auto size = codec::encode(format, base, values, payload);
  payload.resize(size ? *size : 0);  // what a script writes can always be written: tests run every one
  return payload;
}

// --- Steps ----------------------------------------------------------------------------------------------

Step write(const Cast& cast, const Path& base, const Values& values, Mark mark = Mark::none) {
  return {.mark = mark,
          .code = Code::put,
          .path = std::string(base.text().view()),
          .format = static_cast<std::uint16_t>(cast.format),
          .payload = encoded(cast.format, base, values)};
}

Step write_security(const Cast& cast) {
  return write(cast, cast.scene.security, security_values(cast, cast.scene.security, cast.account));
}

Step write_server(const Cast& cast) {
  return write(cast, cast.scene.server, server_values(cast, cast.scene.server));
}

Step remove(const Path& path, Mark mark = Mark::none) {
  return {.mark = mark, .code = Code::del, .path = std::string(path.text().view())};
}

Step finish(Mark mark = Mark::finish) {
  return {.mark = mark, .code = Code::post, .path = "/bs"};
}

Step discover() {
  return {.kind = Step::Kind::discover};
}
Step answer() {
  return {.kind = Step::Kind::answer};
}
Step pause(Duration wait) {
  return {.kind = Step::Kind::wait, .wait = wait};
}
Step end(security::dtls::Alert alert) {
  return {.kind = Step::Kind::end, .alert = alert};
}

Step only(When when, Step step) {
  step.when = when;
  return step;
}

/// The account of the session, beside nothing else.
Steps account(const Cast& cast) {
  Steps steps;
  for (const auto& stray : cast.scene.strays) steps.push_back(remove(stray));
  steps.push_back(write_security(cast));
  steps.push_back(write_server(cast));
  return steps;
}

Steps joined(Steps first, Steps then) {
  std::ranges::move(then, std::back_inserter(first));
  return first;
}

/// A bad message that may be refused at once or by the Finish; then what it spoilt is put right.
Steps bad_then_good(const Cast& cast, Step bad, Steps clean_up = {}) {
  bad.mark = Mark::bad;
  Steps steps = account(cast);
  steps.push_back(std::move(bad));
  steps.push_back(only(When::if_accepted, finish(Mark::early_finish)));
  for (auto& step : clean_up) steps.push_back(only(When::if_accepted, std::move(step)));
  steps.push_back(write_security(cast));
  steps.push_back(write_server(cast));
  steps.push_back(finish());
  return steps;
}

/// The account of the session, but its Server instance has another short server id: a pair of nothing.
Steps mismatch(const Cast& cast) {
  Steps steps = account(cast);
  steps.back() = write(cast, cast.scene.server, server_values(cast, cast.scene.server, ShortServerId(102)));
  steps.push_back(finish(Mark::early_finish));
  return steps;
}

Bytes random_bytes(Random& random, std::size_t size) {
  Bytes bytes(size);
  random.fill(bytes);
  return bytes;
}

}  // namespace

Steps honest_script(const Cast& cast) {
  return joined(account(cast), {finish()});
}
Steps without_finish(const Cast& cast) {
  return account(cast);
}
Steps finish_late(const Cast& cast) {
  return joined(account(cast), {pause(kTooLate), finish()});
}
Steps answer_before_finish(const Cast& cast) {
  return joined(account(cast), {answer(), finish()});
}

// --- Writes that no device should take --------------------------------------------------------------------

Steps wrong_type(const Cast& cast) {
  auto values = server_values(cast, cast.scene.server);
  values[1].value = Value::string("an hour");
  return bad_then_good(cast, write(cast, cast.scene.server, values));
}

Steps out_of_range(const Cast& cast) {
  auto values = security_values(cast, cast.scene.security, cast.account);
  values[2].value = Value::integer(9);
  return bad_then_good(cast, write(cast, cast.scene.security, values));
}

Steps unknown_object(const Cast& cast) {
  const Path nowhere(kUnknownObject, InstanceId(0));
  return bad_then_good(cast,
                       write(cast, nowhere, {{.path = nowhere.child(0), .value = Value::string("lost")}}),
                       {remove(nowhere)});
}

/// The instance goes first, so that nothing of an older one can fill the gap.
Steps mandatory_missing(const Cast& cast) {
  Steps steps = account(cast);
  steps.push_back(remove(cast.scene.server));
  steps.push_back(write(cast, cast.scene.server,
                        {{.path = cast.scene.server.child(0), .value = Value::integer(kServerId.value())}},
                        Mark::bad));
  steps.push_back(only(When::if_accepted, finish(Mark::early_finish)));
  return joined(std::move(steps), {write_server(cast), finish()});
}

Steps truncated_payload(const Cast& cast) {
  auto bad = write_server(cast);
  bad.payload.resize(bad.payload.size() - 1);
  return bad_then_good(cast, std::move(bad));
}

Steps unknown_format(const Cast& cast) {
  auto bad = write_server(cast);
  bad.format = kUnknownFormat;
  return bad_then_good(cast, std::move(bad));
}

Steps no_content_format(const Cast& cast) {
  auto bad = write_server(cast);
  bad.format.reset();
  return bad_then_good(cast, std::move(bad));
}

Steps other_format(const Cast& cast) {
  const auto other = cast.format == ContentFormat::tlv ? ContentFormat::senml_json : ContentFormat::tlv;
  auto unasked = write_server(cast);
  unasked.mark = Mark::bad;
  unasked.format = static_cast<std::uint16_t>(other);
  unasked.payload = encoded(other, cast.scene.server, server_values(cast, cast.scene.server));
  Steps steps = account(cast);
  steps.back() = std::move(unasked);
  return joined(std::move(steps), {only(When::if_refused, write_server(cast)), finish()});
}

Steps oversized_certificate(const Cast& cast) {
  const auto certificate = random_bytes(cast.random, kOversizedBytes);
  auto values = security_values(cast, cast.scene.spare_security, cast.poison, {.server = ShortServerId(103)});
  std::erase_if(values, [](const Entry& entry) { return entry.path.resource() == ResourceId(3); });
  values.insert(values.begin() + 3,
                {.path = cast.scene.spare_security.child(3), .value = Value::opaque(certificate)});
  Steps steps = account(cast);
  steps.push_back(write(cast, cast.scene.spare_security, values, Mark::bad));
  return joined(std::move(steps), {only(When::if_accepted, remove(cast.scene.spare_security)), finish()});
}

// --- States that no device should confirm -----------------------------------------------------------------

Steps two_bootstrap_accounts(const Cast& cast) {
  const auto& at = cast.scene.spare_security;
  return bad_then_good(cast, write(cast, at, security_values(cast, at, cast.poison, {.is_bootstrap = true})),
                       {remove(at)});
}

Steps unpaired_account(const Cast& cast) {
  Steps steps = account(cast);
  steps.push_back(remove(cast.scene.server));
  steps.push_back(finish(Mark::early_finish));
  return joined(std::move(steps), {write_server(cast), finish()});
}

Steps duplicate_server_id(const Cast& cast) {
  const auto& at = cast.scene.spare_server;
  return bad_then_good(cast, write(cast, at, server_values(cast, at)), {remove(at)});
}

Steps reserved_server_id(const Cast& cast) {
  const auto& at = cast.scene.spare_server;
  return bad_then_good(cast, write(cast, at, server_values(cast, at, ShortServerId(kReservedId))),
                       {remove(at)});
}

Steps wrong_scheme(const Cast& cast) {
  const auto uri = cast.security == SecurityMode::nosec ? "coaps://192.0.2.1:5684" : "coap://192.0.2.1:5683";
  const auto& at = cast.scene.security;
  return bad_then_good(cast, write(cast, at, security_values(cast, at, cast.account, {.uri = uri})));
}

Steps repaired(const Cast& cast) {
  return joined(mismatch(cast), {write_server(cast), finish()});
}

Steps stays_inconsistent(const Cast& cast) {
  return joined(mismatch(cast), {end(security::dtls::Alert::close_notify)});
}

// --- Messages ---------------------------------------------------------------------------------------------

Steps written_twice(const Cast& cast) {
  return joined(joined(account(cast), account(cast)), {discover(), finish()});
}

Steps reads_keys(const Cast& cast) {
  const auto read = [&](const Path& path) {
    return Step{.mark = Mark::bad,
                .code = Code::get,
                .path = std::string(path.text().view()),
                .accept = static_cast<std::uint16_t>(cast.format)};
  };
  Steps steps = account(cast);
  return joined(std::move(steps), {read(cast.scene.security), read(cast.scene.security.child(5)), finish()});
}

/// Block 0, then block 2: what lies between is missing. [RFC 7959 §2.9.2]
Steps blocks_out_of_order(const Cast& cast) {
  auto gap = write_server(cast);
  gap.kind = Step::Kind::blocks;
  gap.mark = Mark::bad;
  constexpr std::size_t kPiece = 16;
  const auto piece = [&](std::size_t number) {
    const auto from = std::min(number * kPiece, gap.payload.size());
    return Bytes(
        gap.payload.begin() + static_cast<std::ptrdiff_t>(from),
        gap.payload.begin() + static_cast<std::ptrdiff_t>(std::min(from + kPiece, gap.payload.size())));
  };
  gap.pieces = {piece(0), piece(2)};
  gap.block_options = {coap::Block{0, true, 0}.encoded(), coap::Block{2, false, 0}.encoded()};
  Steps steps{write_security(cast), std::move(gap)};
  return joined(joined(std::move(steps), account(cast)), {finish()});
}

/// 64 bytes, then pieces of 16: the number counts in the new size. [RFC 7959 §2.5]
Steps block_size_change(const Cast& cast) {
  auto change = write_security(cast);
  change.kind = Step::Kind::blocks;
  change.mark = Mark::bad;
  const auto& all = change.payload;
  const auto cut = [&](std::size_t from, std::size_t size, std::uint8_t szx) {
    const bool more = from + size < all.size();
    change.pieces.emplace_back(all.begin() + static_cast<std::ptrdiff_t>(from),
                               all.begin() + static_cast<std::ptrdiff_t>(std::min(from + size, all.size())));
    change.block_options.push_back(coap::Block{static_cast<std::uint32_t>(from / size), more, szx}.encoded());
  };
  cut(0, 64, 2);
  for (std::size_t from = 64; from < all.size(); from += 16) cut(from, 16, 0);
  Steps steps = account(cast);
  std::erase_if(steps, [&](const Step& step) { return step.path == change.path; });
  steps.push_back(change);
  return joined(std::move(steps), {only(When::if_refused, write_security(cast)), finish()});
}

/// A record of DTLS 1.2 with application data of the first epoch. [RFC 6347 §4.1]
Bytes forged_record(Random& random, std::uint8_t type, std::uint16_t epoch) {
  Bytes record{type, 0xFE, 0xFD, static_cast<std::uint8_t>(epoch >> 8), static_cast<std::uint8_t>(epoch)};
  const auto rest = random_bytes(random, 6 + 2 + 48);
  record.insert(record.end(), rest.begin(), rest.end());
  record[11] = 0;
  record[12] = 48;
  return record;
}

Steps garbage(const Cast& cast) {
  const auto inside = [&](Bytes bytes) {
    return Step{.kind = Step::Kind::inside, .payload = std::move(bytes)};
  };
  Steps noise;
  if (cast.security == SecurityMode::psk) {
    const auto outside = [&](Bytes bytes) {
      return Step{.kind = Step::Kind::outside, .payload = std::move(bytes)};
    };
    noise.push_back(outside(forged_record(cast.random, 23, 1)));
    noise.push_back(outside(forged_record(cast.random, 22, 0)));
    noise.push_back(outside(forged_record(cast.random, 21, 1)));
    noise.push_back(outside(Bytes{23, 0xFE, 0xFD, 0, 1}));
    noise.push_back(outside(random_bytes(cast.random, 200)));
  }
  noise.push_back(inside({0x40, 0x03, 0x12}));                          // ends in its header
  noise.push_back(inside({0xC0, 0x03, 0x12, 0x34}));                    // version 3
  noise.push_back(inside({0x49, 0x03, 0x12, 0x35}));                    // a token of nine bytes
  noise.push_back(inside({0x50, 0x03, 0x12, 0x36, 0xFF}));              // a payload marker and no payload
  noise.push_back(inside({0x60, 0x44, 0x12, 0x37}));                    // an answer to nothing
  noise.push_back(inside({0x50, 0x03, 0x12, 0x38, 0xBD, 0x70, 0x31}));  // an option longer than the message
  Steps steps = noise;
  steps.push_back(write_security(cast));
  for (const auto& step : noise) steps.push_back(step);
  return joined(std::move(steps), joined(account(cast), {finish()}));
}

// --- Ends ----------------------------------------------------------------------------------------

Steps closes_midway(const Cast& cast) {
  return joined(account(cast), {end(security::dtls::Alert::close_notify)});
}
Steps alert_midway(const Cast& cast) {
  return joined(account(cast), {end(security::dtls::Alert::internal_error)});
}
Steps silence_midway(const Cast& cast) {
  return {write_security(cast), Step{.kind = Step::Kind::silence}};
}

Steps deletes_everything(const Cast& cast) {
  (void)cast;
  return {remove(Path(), Mark::bad), discover(), end(security::dtls::Alert::close_notify)};
}

Steps deletes_bootstrap_account(const Cast& cast) {
  return {remove(cast.scene.bootstrap_account, Mark::bad), discover(),
          end(security::dtls::Alert::close_notify)};
}

/// Where there is no identity that could tell the two accounts apart, the written one leads to nobody.
Steps overwrites_bootstrap_account(const Cast& cast) {
  const auto& at = cast.scene.bootstrap_account;
  const std::string_view uri =
      cast.security == SecurityMode::nosec ? "coap://127.0.0.1:9" : cast.bootstrap_uri;
  auto poison = security_values(cast, at, cast.poison, {.is_bootstrap = true, .uri = uri});
  poison.push_back({.path = at.child(11), .value = Value::integer(0)});
  return joined({write(cast, at, poison, Mark::bad)},
                joined(account(cast), {end(security::dtls::Alert::close_notify)}));
}

Steps finish_twice(const Cast& cast) {
  return joined(honest_script(cast), {finish(Mark::late)});
}

Steps write_after_finish(const Cast& cast) {
  const auto& at = cast.scene.security;
  return joined(honest_script(cast), {write(cast, at, security_values(cast, at, cast.poison), Mark::late)});
}

Steps takes_forever(const Cast& cast) {
  Steps steps;
  for (auto& step : account(cast)) {
    steps.push_back(std::move(step));
    steps.push_back(pause(kSlowly));
  }
  return joined(std::move(steps), {finish()});
}

// --- Packs ---------------------------------------------------------------------------------------

Steps pack_garbage(const Cast& cast) {
  return {Step{.format = static_cast<std::uint16_t>(cast.format),
               .payload = Bytes{0x9F, 0xFF, 0x00, 0x17, 0x5A}}};
}

/// A Security instance without its Server instance. Of another server: a device that has the account already
/// has the other half of it, which a pack that does not name /1 leaves there.
Steps pack_inconsistent(const Cast& cast) {
  const Shape unpaired{.server = ShortServerId(kServerId.value() + 1)};
  return {Step{.format = static_cast<std::uint16_t>(cast.format),
               .payload = encoded(cast.format, Path(),
                                  security_values(cast, cast.scene.security, cast.account, unpaired))}};
}

Steps pack_wrong_format(const Cast& cast) {
  const auto all = server_values(cast, cast.scene.server);
  return {Step{.format = static_cast<std::uint16_t>(ContentFormat::tlv),
               .payload = encoded(ContentFormat::tlv, Path(kServer), all)}};
}

}  // namespace slipway::kit
