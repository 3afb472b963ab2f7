// Any bytes as tokenizer.json. What is accepted must tokenise any text into ids that are tokens, and decode them.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/tokenizer_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lode::text;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto tokenizer = read_tokenizer_json(bytes, "fuzz.json", {});
  if (!tokenizer) {
    LODE_CHECK(!tokenizer.error().message.empty());
    return 0;
  }
  for (const std::string_view text :
       {std::string_view("Hello</s> [SEP] na\u00EFve  a\xFF\n\u6771aaaabbbb"), bytes.substr(0, 200)}) {
    const auto ids = encode_with_template(**tokenizer, text);
    for (const TokenId id : ids) LODE_CHECK(!(*tokenizer)->piece_of(id).empty());
    (void)(*tokenizer)->decode(ids);
  }
  return 0;
}
