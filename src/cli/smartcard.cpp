// SPDX-License-Identifier: Apache-2.0
// `slipway smartcard`: what readers there are, and what a card holds.
#include <cstdio>
#include <fstream>

#include <slipway/base/secret.hpp>
#include <slipway/device/card_slot.hpp>
#include <slipway/lwm2m/smartcard_file.hpp>
#include <slipway/net/smartcard_reader.hpp>
#include <slipway/node/node.hpp>
#include <slipway/smartcard/reading.hpp>

#include <nlohmann/json.hpp>

#include "app.hpp"
#include "objects.hpp"
#include "pin.hpp"

namespace slipway::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kValuesMax = 512;

struct Options {
  std::string reader;
  std::string pin_file;
  std::string objects;
  std::string file;
};

int list_readers(bool as_json) {
  auto readers = net::SmartcardReaders::open();
  if (!readers) return fail(readers.error().message);
  const auto all = readers->list();
  if (!all) return fail(all.error().message);
  if (as_json) {
    auto list = json::array();
    for (const auto& reader : *all)
      list.push_back({{"reader", reader.name},
                      {"card", reader.has_card},
                      {"answer_to_reset", to_hex(reader.answer_to_reset)}});
    std::printf("%s\n", list.dump(1, ' ', false, json::error_handler_t::replace).c_str());
    return 0;
  }
  for (const auto& reader : *all)
    std::printf("%s  %s\n", reader.name.c_str(),
                reader.has_card ? ("card " + to_hex(reader.answer_to_reset)).c_str() : "empty");
  if (all->empty()) return fail("no smartcard reader is connected; plug one in");
  return 0;
}

json object_json(const lwm2m::SmartcardObject& object) {
  json out{{"id", object.id.value()}, {"bytes", object.tlv.size()}};
  if (object.version) out["version"] = std::string(object.version->text().view());
  return out;
}

/// The objects of a file that has been decoded already.
json objects_json(ByteView file) {
  auto list = json::array();
  auto reader = lwm2m::SmartcardFileReader::open(file);
  for (auto object = reader->next(); object && *object; object = reader->next())
    list.push_back(object_json(**object));
  return list;
}

std::string value_line(const Entry& entry, const ObjectCatalog& catalog) {
  const auto* object = catalog.find(entry.path.object());
  const auto* resource = object != nullptr ? object->find(entry.path.resource()) : nullptr;
  std::string line(entry.path.text().view());
  if (resource != nullptr) line += "  " + std::string(resource->name);
  if (entry.kind != EntryKind::value) return line;
  return line + "  = " +
         (resource != nullptr ? to_display(*resource, entry.value) : entry.value.to_display());
}

/// Prints a file in words; secrets stay masked.
int show_file(ByteView file, const std::string& where, const ObjectCatalog& catalog, bool as_json) {
  std::vector<Entry> buffer(kValuesMax);
  const auto entries = lwm2m::decode_smartcard_file(file, catalog, buffer);
  if (!entries)
    return fail(where + ": EF(LwM2M_Bootstrap) cannot be read: " + entries.error().detail + " (byte " +
                std::to_string(entries.error().offset) + "); make it with `slipway factory --smartcard`");
  if (as_json) {
    auto values = json::array();
    for (const auto& entry : *entries)
      if (entry.kind == EntryKind::value)
        values.push_back(node::to_json({.path = entry.path, .value = OwnedValue(entry.value)}, catalog));
    const json out{
        {"reader", where}, {"bytes", file.size()}, {"objects", objects_json(file)}, {"values", values}};
    std::printf("%s\n", out.dump(1, ' ', false, json::error_handler_t::replace).c_str());
    return 0;
  }
  std::printf("%s: EF(LwM2M_Bootstrap), %zu bytes\n", where.c_str(), file.size());
  for (const auto& entry : *entries) std::printf("%s\n", value_line(entry, catalog).c_str());
  return 0;
}

int read_card(const Options& options, bool as_json) {
  const auto catalog = load_objects(options.objects);
  if (!catalog) return fail(catalog.error());
  device::CardSlotSettings settings{.reader = options.reader};
  if (!options.pin_file.empty()) {
    auto pin = read_pin(options.pin_file);
    if (!pin) return fail(pin.error());
    settings.pin = std::move(*pin);
  }
  device::CardSlot slot(std::move(settings));
  const auto content = slot.read_details();
  if (!content) return fail(content.error().message);
  if (!content->file) return fail(content->absence);
  return show_file(content->file->reveal(), content->reader, **catalog, as_json);
}

int read_file(const Options& options, bool as_json) {
  const auto catalog = load_objects(options.objects);
  if (!catalog) return fail(catalog.error());
  auto content = read_smartcard_file(options.file);
  if (!content) return fail(content.error());
  const auto file = content->reveal();
  const auto size = lwm2m::smartcard_content_size(file).value_or(file.size());
  return show_file(file.first(std::min(size, file.size())), options.file, **catalog, as_json);
}

void add_read(Context context) {
  auto options = std::make_shared<Options>();
  auto* command = add_command(context, "read", "read EF(LwM2M_Bootstrap) of a card, or of a file",
                              "slipway smartcard read --pin-file pin.txt");
  command
      ->add_option("-r,--reader", options->reader,
                   "reader, or a part of its name (default: the first with a card)")
      ->type_name("NAME");
  command->add_option("--pin-file", options->pin_file, "file with the card's PIN, 4 to 8 digits")
      ->type_name("FILE");
  command->add_option("-o,--objects", options->objects, "folder of object definitions (OMA registry XML)")
      ->type_name("DIR");
  command->add_option("--file", options->file, "read this file instead of a card")
      ->type_name("FILE")
      ->excludes("--reader", "--pin-file");
  command->callback([options, context] {
    context.action = [options, &json = context.common.json] {
      return options->file.empty() ? read_card(*options, json) : read_file(*options, json);
    };
  });
}

}  // namespace

void add_smartcard(Context context) {
  auto* group = add_command(context, "smartcard", "readers of this machine, and what their cards hold",
                            "slipway smartcard read --pin-file pin.txt");
  group->require_subcommand(1);
  Context inner{*group, context.common, context.action};
  auto* readers =
      add_command(inner, "readers", "list smartcard readers (PC/SC)", "slipway smartcard readers");
  readers->callback([inner] { inner.action = [&json = inner.common.json] { return list_readers(json); }; });
  add_read(inner);
}

}  // namespace slipway::cli
