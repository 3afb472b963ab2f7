// Any bytes as a SentencePiece model. What is accepted must tokenise any text into ids that are tokens, and decode
// them.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "text/sentencepiece_tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lode::text;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  TokenizerConfig config;
  config.add_bos_token = size % 2 == 0;
  config.legacy = size % 3 != 0;
  const auto tokenizer = read_sentencepiece(bytes, "fuzz.model", config);
  if (!tokenizer) {
    LODE_CHECK(!tokenizer.error().message.empty());
    return 0;
  }
  for (const std::string_view text : {std::string_view("ab cd</s>\u00E9 abcd\xFF\n"), bytes.substr(0, 200)}) {
    const auto ids = encode_with_template(**tokenizer, text);
    for (const TokenId id : ids) LODE_CHECK(!(*tokenizer)->piece_of(id).empty());
    (void)(*tokenizer)->decode(ids);
  }
  return 0;
}
