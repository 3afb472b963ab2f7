#include "text/tokenizer.h"

#include <fmt/format.h>

#include "base/mapped_file.h"
#include "text/sentencepiece_tokenizer.h"
#include "text/tokenizer_config.h"
#include "text/tokenizer_json.h"
#include "text/vocab_txt.h"

namespace lode::text {

namespace fs = std::filesystem;

std::vector<TokenId> encode_with_template(const Tokenizer& tokenizer, std::string_view text) {
  const auto prefix = tokenizer.template_prefix(), suffix = tokenizer.template_suffix();
  std::vector<TokenId> ids(prefix.begin(), prefix.end());
  tokenizer.encode(text, ids);
  ids.insert(ids.end(), suffix.begin(), suffix.end());
  return ids;
}

Result<std::unique_ptr<Tokenizer>> load_tokenizer(const fs::path& folder) {
  using Reader = Result<std::unique_ptr<Tokenizer>> (*)(std::string_view, std::string_view, const TokenizerConfig&);
  struct Format {
    const char* name;
    Reader read;
  };
  static constexpr Format kFormats[] = {
      {"tokenizer.json", read_tokenizer_json}, {"tokenizer.model", read_sentencepiece}, {"vocab.txt", read_vocab_txt}};

  std::error_code ignored;
  TokenizerConfig config;
  if (const fs::path path = folder / "tokenizer_config.json"; fs::exists(path, ignored)) {
    LODE_ASSIGN(const auto bytes, read_file(path, size_t{64} << 20));
    LODE_ASSIGN(config, TokenizerConfig::parse(bytes, path.string()));
  }
  for (const Format& format : kFormats) {
    const fs::path path = folder / format.name;
    if (!fs::exists(path, ignored)) continue;
    LODE_ASSIGN(const auto bytes, read_file(path, size_t{256} << 20));
    return format.read(bytes, path.string(), config);
  }
  return fail(Code::not_found,
              fmt::format("{}: no tokenizer, expected tokenizer.json, tokenizer.model or vocab.txt", folder.string()),
              "Get the model's tokenizer files into that folder");
}

}  // namespace lode::text
