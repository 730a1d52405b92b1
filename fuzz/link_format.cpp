// SPDX-License-Identifier: Apache-2.0
// Links come to an end, stay inside the text, and read the same after they were written again.
#include <slipway/codec/link_format.hpp>

#include <cstdlib>
#include <vector>

namespace {

using namespace slipway;
using namespace slipway::codec;

bool inside(std::string_view part, std::string_view text) {
  return part.empty() ||
         (part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size());
}

/// False when an attribute is broken.
bool copy(const Link& link, std::string_view text, LinkWriter& writer) {
  writer.link(link.target);
  for (LinkAttributes attributes(link);;) {
    const auto attribute = attributes.next();
    if (!attribute) return false;
    if (!*attribute) return true;
    if (!inside((*attribute)->name, text) || !inside((*attribute)->value, text)) std::abort();
    if ((*attribute)->quoted) {
      writer.attribute_quoted((*attribute)->name, (*attribute)->value);
    } else if ((*attribute)->has_value) {
      writer.attribute_token((*attribute)->name, (*attribute)->value);
    } else {
      writer.attribute((*attribute)->name);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text({data, size});
  std::vector<std::uint8_t> buffer(size * 3 + 16);
  ByteWriter out(buffer);
  LinkWriter writer(out);
  std::size_t links = 0;
  for (LinkReader reader(text);; ++links) {
    const auto link = reader.next();
    if (!link) {
      if (link.error().offset > size) std::abort();
      return 0;
    }
    if (!*link) break;
    if (!inside((*link)->target, text) || !inside((*link)->attributes, text)) std::abort();
    if (!copy(**link, text, writer)) return 0;
  }
  if (!out.ok()) std::abort();
  std::size_t again = 0;
  for (LinkReader reader(as_text(out.written()));; ++again) {
    const auto link = reader.next();
    if (!link) std::abort();
    if (!*link) break;
  }
  if (links != again) std::abort();
  return 0;
}
