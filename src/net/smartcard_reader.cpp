// SPDX-License-Identifier: Apache-2.0
#include <slipway/net/smartcard_reader.hpp>

#include <winscard.h>

#include <algorithm>
#include <array>
#include <utility>

#include <slipway/base/secret.hpp>

namespace slipway::net {
namespace {

using Kind = SmartcardError::Kind;

constexpr std::size_t kNamesMax = kReadersMax * (MAX_READERNAME + 1) + 1;
/// A command: header, length, data, and the length that is expected.
constexpr std::size_t kHeaderBytes = 4;

Kind kind_of(LONG result) {
  switch (result) {
    case SCARD_E_NO_SERVICE:
    case SCARD_E_SERVICE_STOPPED:
    case SCARD_E_INVALID_HANDLE:  // of a daemon that was started anew
      return Kind::no_service;
    case SCARD_E_NO_READERS_AVAILABLE:
    case SCARD_E_READER_UNAVAILABLE:
    case SCARD_E_UNKNOWN_READER:
      return Kind::no_reader;
    case SCARD_E_NO_SMARTCARD:
      return Kind::no_card;
    case SCARD_W_REMOVED_CARD:
    case SCARD_W_RESET_CARD:
    case SCARD_E_COMM_DATA_LOST:
      return Kind::card_gone;
    case SCARD_E_SHARING_VIOLATION:
      return Kind::busy;
    case SCARD_W_UNRESPONSIVE_CARD:
    case SCARD_W_UNPOWERED_CARD:
    case SCARD_W_UNSUPPORTED_CARD:
    case SCARD_E_PROTO_MISMATCH:
    case SCARD_E_NOT_TRANSACTED:
    case SCARD_E_TIMEOUT:
      return Kind::unresponsive;
    default:
      return Kind::other;
  }
}

const char* remedy_of(Kind kind) {
  switch (kind) {
    case Kind::no_service:
      return "the smartcard service does not answer; start pcscd (Debian: package pcscd, `systemctl start "
             "pcscd`)";
    case Kind::no_reader:
      return "the reader is not there; plug it in, or name one that `slipway smartcard readers` lists";
    case Kind::no_card:
      return "there is no card in it; insert the card";
    case Kind::card_gone:
      return "the card was removed or reset; insert it again";
    case Kind::busy:
      return "another program has the card for itself; end that program";
    case Kind::unresponsive:
      return "the card does not answer; turn it over, or clean its contacts";
    case Kind::other:
      return "pull the card and the reader and insert them again";
  }
  return "";
}

std::unexpected<SmartcardError> error(const std::string& where, LONG result) {
  const auto kind = kind_of(result);
  std::string text = where + ": ";
  if (kind == Kind::other) text += std::string(pcsc_stringify_error(result)) + "; ";
  return std::unexpected(SmartcardError{kind, text + remedy_of(kind)});
}

std::string quoted(std::string_view name) {
  return "smartcard reader \"" + std::string(name) + "\"";
}

/// The one reader that is meant; nothing when there is none, or more than one.
const SmartcardReader* find_reader(const std::vector<SmartcardReader>& readers, std::string_view name) {
  if (name.empty()) {
    const auto found = std::ranges::find(readers, true, &SmartcardReader::has_card);
    return found != readers.end() ? &*found : readers.empty() ? nullptr : &readers.front();
  }
  if (const auto exact = std::ranges::find(readers, name, &SmartcardReader::name); exact != readers.end())
    return &*exact;
  const SmartcardReader* only = nullptr;
  for (const auto& reader : readers) {
    if (reader.name.find(name) == std::string::npos) continue;
    if (only != nullptr) return nullptr;
    only = &reader;
  }
  return only;
}

}  // namespace

SmartcardResult<SmartcardReaders> SmartcardReaders::open() {
  SCARDCONTEXT context = 0;
  const auto result = SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context);
  if (result != SCARD_S_SUCCESS) return error("smartcard readers", result);
  return SmartcardReaders(context);
}

SmartcardReaders::SmartcardReaders(SmartcardReaders&& other) noexcept
    : context_(std::exchange(other.context_, 0)) {}

SmartcardReaders::~SmartcardReaders() {
  if (context_ != 0) SCardReleaseContext(context_);
}

SmartcardResult<std::vector<SmartcardReader>> SmartcardReaders::list() {
  std::array<char, kNamesMax> names{};
  DWORD size = names.size() - 1;
  const auto listed = SCardListReaders(context_, nullptr, names.data(), &size);
  if (listed == SCARD_E_NO_READERS_AVAILABLE) return std::vector<SmartcardReader>();
  if (listed != SCARD_S_SUCCESS) return error("smartcard readers", listed);
  std::vector<SmartcardReader> readers;
  for (const char* name = names.data(); *name != '\0' && readers.size() < kReadersMax;) {
    readers.push_back({.name = name});
    name += readers.back().name.size() + 1;
  }
  std::vector<SCARD_READERSTATE> states(readers.size());
  for (std::size_t i = 0; i < readers.size(); ++i) states[i].szReader = readers[i].name.c_str();
  const auto asked = SCardGetStatusChange(context_, 0, states.data(), states.size());
  if (asked != SCARD_S_SUCCESS && asked != SCARD_E_TIMEOUT) return error("smartcard readers", asked);
  for (std::size_t i = 0; i < readers.size(); ++i) {
    readers[i].has_card = (states[i].dwEventState & SCARD_STATE_PRESENT) != 0;
    const auto bytes = std::min<std::size_t>(states[i].cbAtr, sizeof states[i].rgbAtr);
    if (readers[i].has_card) readers[i].answer_to_reset.assign(states[i].rgbAtr, states[i].rgbAtr + bytes);
  }
  return readers;
}

SmartcardResult<SmartcardConnection> SmartcardReaders::connect(std::string_view name) {
  const auto readers = list();
  if (!readers) return std::unexpected(readers.error());
  const auto* reader = find_reader(*readers, name);
  if (reader == nullptr)
    return error(name.empty() ? "smartcard readers" : quoted(name), SCARD_E_NO_READERS_AVAILABLE);
  if (!reader->has_card) return error(quoted(reader->name), SCARD_E_NO_SMARTCARD);
  SCARDHANDLE card = 0;
  DWORD protocol = 0;
  const auto connected = SCardConnect(context_, reader->name.c_str(), SCARD_SHARE_SHARED,
                                      SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card, &protocol);
  if (connected != SCARD_S_SUCCESS) return error(quoted(reader->name), connected);
  SmartcardConnection connection(
      card,
      protocol == SCARD_PROTOCOL_T0 ? SmartcardConnection::Protocol::t0 : SmartcardConnection::Protocol::t1,
      reader->name);
  // Nobody else selects another file in between.
  const auto alone = SCardBeginTransaction(card);
  if (alone != SCARD_S_SUCCESS) return error(quoted(reader->name), alone);
  return connection;
}

SmartcardConnection::SmartcardConnection(std::intptr_t card, Protocol protocol, std::string reader)
    : card_(card), protocol_(protocol), reader_(std::move(reader)) {}

SmartcardConnection::SmartcardConnection(SmartcardConnection&& other) noexcept
    : card_(std::exchange(other.card_, 0)),
      protocol_(other.protocol_),
      reader_(std::move(other.reader_)),
      reset_at_end_(other.reset_at_end_),
      answer_(std::move(other.answer_)) {}

SmartcardConnection::~SmartcardConnection() {
  wipe(answer_);
  if (card_ == 0) return;
  const DWORD how = reset_at_end_ ? SCARD_RESET_CARD : SCARD_LEAVE_CARD;
  SCardEndTransaction(card_, how);
  SCardDisconnect(card_, how);
}

SmartcardResult<ByteView> SmartcardConnection::transmit(ByteView command) {
  // T=0 has one length byte: a command with data leaves out what it expects, one without both says 0.
  std::array<std::uint8_t, kHeaderBytes + 1> bare{};
  if (protocol_ == Protocol::t0 && command.size() == kHeaderBytes) {
    std::ranges::copy(command, bare.begin());
    command = bare;
  } else if (protocol_ == Protocol::t0 && command.size() > kHeaderBytes + 1 &&
             command.size() == kHeaderBytes + 1 + command[kHeaderBytes] + 1) {
    command = command.first(command.size() - 1);
  }
  answer_.resize(kCardAnswerMax);
  DWORD size = answer_.size();
  const auto sent = SCardTransmit(card_, protocol_ == Protocol::t0 ? SCARD_PCI_T0 : SCARD_PCI_T1,
                                  command.data(), command.size(), nullptr, answer_.data(), &size);
  if (sent != SCARD_S_SUCCESS) return error(quoted(reader_), sent);
  return ByteView(answer_).first(std::min<std::size_t>(size, answer_.size()));
}

}  // namespace slipway::net
